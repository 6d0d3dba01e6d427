//! What `systemd/install.sh` leaves where no systemd is, and what it takes away again.
//!
//! Its programs are found in a directory without `systemctl`: the daemon of whoever runs the tests
//! stays out of it. With systemd it is tried in `systemd.rs`.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use vault_tests::harness::{Home, Outcome, binaries};

const TOOLS: [&str; 17] = [
    "bash", "basename", "cat", "chmod", "cmp", "dirname", "env", "grep", "id", "ln", "mkdir",
    "mktemp", "mv", "readlink", "rm", "rmdir", "sed",
];

fn installer(home: &Home, arguments: &[&str]) -> Outcome {
    let tools = home.path("tools");
    if !tools.exists() {
        std::fs::create_dir(&tools).expect("a directory");
        for tool in TOOLS {
            let found = ["/usr/bin", "/bin"].map(|directory| Path::new(directory).join(tool));
            let found = found.iter().find(|path| path.exists());
            symlink(found.expect("a usual tool"), tools.join(tool)).expect("a link");
        }
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../systemd/install.sh");
    let mut command = home.command(Path::new("/bin/bash"));
    command.env("PATH", tools).arg(script).args(arguments);
    home.finish(command, b"")
}

fn install(home: &Home, more: &[&str]) -> String {
    let from = binaries().directory().to_str().expect("UTF-8");
    let arguments = [&["--from", from, "--no-enable"], more].concat();
    installer(home, &arguments).success().to_owned()
}

fn installed(home: &Home, name: &str) -> PathBuf {
    home.path("home/.local/bin").join(name)
}

#[test]
fn without_systemd_the_files_are_copied_and_the_path_is_told() {
    let home = Home::new();
    let refused = installer(&home, &["--from", "/nowhere"]);
    refused.refused(1, &["--no-enable"]);
    let said = install(&home, &[]);
    assert!(said.contains("is not on your PATH"), "{said}");
    for name in ["vaultd", "vault-run", "vaultctl"] {
        assert!(installed(&home, name).exists(), "{name}");
    }
    assert!(
        said.contains("/.local/bin/vault-run in MCP clients"),
        "{said}"
    );
    assert!(!installed(&home, "mcp-launch").exists());
    let configs = home.path("home/.config/vaultd/configs");
    assert!(said.contains(&configs.display().to_string()), "{said}");
    let mode = configs
        .metadata()
        .expect("a directory")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    installer(&home, &["--uninstall"]).success();
    assert!(!installed(&home, "vault-run").exists());
}

/// A user manager with this XDG_CONFIG_HOME, as `systemctl --user show-environment` writes it.
fn with_manager(home: &Home, written: &str) {
    let systemctl = home.path("tools/systemctl");
    let script = format!(
        "#!/bin/bash\n[[ $* != *show-environment ]] || cat <<'EOF'\nXDG_CONFIG_HOME={written}\nEOF\n"
    );
    std::fs::write(&systemctl, script).expect("a file");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&systemctl, mode).expect("its mode");
}

#[test]
fn a_directory_that_the_user_manager_quotes_is_the_one_that_is_used() {
    let home = Home::new();
    install(&home, &[]);
    let theirs = home.path("home/it's a b");
    with_manager(
        &home,
        &format!("$'{}'", theirs.display().to_string().replace('\'', "\\'")),
    );
    install(&home, &[]);
    assert!(theirs.join("systemd/user/vaultd.service").exists());
    for written in ["relative/.config", "$'a b'", "$'/x' $(touch here)"] {
        with_manager(&home, written);
        let from = binaries().directory().to_str().expect("UTF-8");
        let refused = installer(&home, &["--from", from, "--no-enable"]);
        refused.refused(1, &["XDG_CONFIG_HOME is no absolute path"]);
    }
}

#[test]
fn old_names_start_vault_run_also_by_python_and_go_with_it() {
    let home = Home::new();
    let names = ["mcp-launch", "mcp_vault_proxy.py"];
    install(&home, &["--old-names"]);
    for name in names {
        let mut command = home.command(&installed(&home, name));
        command.arg("--help");
        let help = home.finish(command, b"");
        assert!(
            help.success().contains(&format!("Usage: {name} ")),
            "{help}"
        );
    }
    let python = Path::new("/usr/bin/python3");
    if python.exists() {
        let mut command = home.command(python);
        command
            .arg("mcp_vault_proxy.py")
            .args(["--service", "github", "--test"]);
        command.current_dir(home.path("home/.local/bin"));
        home.finish(command, b"")
            .refused(3, &["vaultd is not running"]);
    }
    install(&home, &["--old-names"]);
    installer(&home, &["--uninstall"]).success();
    for name in names {
        assert!(installed(&home, name).symlink_metadata().is_err(), "{name}");
    }
}

#[test]
fn a_program_of_somebody_else_keeps_its_name() {
    let home = Home::new();
    let theirs = installed(&home, "mcp_vault_proxy.py");
    std::fs::create_dir_all(theirs.parent().expect("a directory")).expect("a directory");
    std::fs::write(&theirs, "theirs").expect("a file");
    let said = install(&home, &["--old-names"]);
    assert!(said.contains("was left alone"), "{said}");
    installer(&home, &["--uninstall"]).success();
    assert_eq!(std::fs::read(&theirs).expect("a file"), b"theirs");
}

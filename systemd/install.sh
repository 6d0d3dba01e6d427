#!/usr/bin/env bash
# Installs vaultd for the person who runs it, or takes it away again. See --help.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname -- "$here")

programs=(vaultd vault-run vaultctl)
units=(vaultd.socket vaultd.service)
# vault-run answers to these, too: people's configurations name them.
old_names=(mcp-launch mcp_vault_proxy.py)
pages=(client/launcher/vault-run.1 client/vaultctl/vaultctl.1 daemon/vaultd/vaultd.8)

usage() {
  cat <<'TEXT'
usage: systemd/install.sh [--from DIR] [--no-enable] [--old-names]
       systemd/install.sh --uninstall

Builds vaultd, vault-run and vaultctl, installs them for you alone, and lets systemd listen on the
daemon's socket. Run it again to upgrade: a running daemon is restarted, waiting callers are kept.

  --from DIR    take the three programs from DIR; nothing is built
  --no-enable   only copy the files; for images, or where no user manager is running
  --old-names   make mcp-launch and mcp_vault_proxy.py links to vault-run
  --uninstall   stop the daemon and remove what this script installed; configuration and
                stored secrets stay
  --help        this text

Files: ~/.local/bin, ~/.local/share/man, $XDG_CONFIG_HOME/systemd/user (~/.config/systemd/user).
Your own changes belong in vaultd.service.d/ there ('systemctl --user edit vaultd'); they are
never touched.
TEXT
}

say() { printf '%s\n' "$*"; }
fail() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }
misused() { printf 'install.sh: %s; see --help\n' "$*" >&2; exit 2; }

from=
enable=yes
links=no
action=install
while (($#)); do
  case $1 in
    --from) (($# > 1)) || misused '--from needs a directory'; from=$2; shift ;;
    --from=*) from=${1#--from=} ;;
    --no-enable) enable=no ;;
    --old-names) links=yes ;;
    --uninstall) action=uninstall ;;
    -h | --help) usage; exit 0 ;;
    *) misused "unknown argument '$1'" ;;
  esac
  shift
done

[[ -n ${HOME:-} && -d $HOME ]] || fail 'HOME is not a directory'
# vaultd.service names this place by %h.
bin=$HOME/.local/bin
man=$HOME/.local/share/man
config=${XDG_CONFIG_HOME:-$HOME/.config}
state=${XDG_STATE_HOME:-$HOME/.local/state}
unit_dir=$config/systemd/user

# --- the user manager ---------------------------------------------------------------------------

# 'su' and 'ssh host command' may leave the variable out though the manager is there.
find_runtime_directory() {
  local usual
  usual=/run/user/$(id -u)
  if [[ -z ${XDG_RUNTIME_DIR:-} && -S $usual/systemd/private ]]; then
    export XDG_RUNTIME_DIR=$usual
  fi
}

have_manager() {
  command -v systemctl >/dev/null && systemctl --user show-environment >/dev/null 2>&1
}

why_no_manager() {
  if [[ -n ${SUDO_USER:-} ]]; then
    say "there is no user manager for $(id -un): run this as yourself, without sudo"
  elif grep -qi microsoft /proc/sys/kernel/osrelease 2>/dev/null && [[ ! -d /run/systemd/system ]]; then
    say "this WSL machine runs without systemd: put 'systemd=true' under [boot] in /etc/wsl.conf," \
      "run 'wsl.exe --shutdown', and come back"
  elif ! command -v systemctl >/dev/null || [[ ! -d /run/systemd/system ]]; then
    say "this machine does not run systemd: install with --no-enable and start 'vaultd' yourself;" \
      'it makes its socket without help'
  else
    say "your user manager is not running: log in on a console or by ssh, or run" \
      "'loginctl enable-linger $(id -un)' (as root, if it is refused) and come back; with" \
      '--no-enable only the files are installed'
  fi
}

# --- programs -----------------------------------------------------------------------------------

# Prints the directory with the programs on the last line.
build() {
  command -v cargo >/dev/null ||
    fail "cargo is not on your PATH: install Rust from https://rustup.rs, or use --from DIR"
  local target
  (
    cd -- "$root" &&
      cargo build --locked --release --package vaultd --package vaultctl --bins &&
      cargo shim
  ) >&2 || fail 'the build failed; its words are above'
  target=$(cd -- "$root" && cargo metadata --format-version 1 --no-deps --offline |
    sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
  [[ -d $target/release ]] || fail 'cargo does not say where it built; use --from DIR'
  say "$target/release"
}

# place MODE SOURCE TARGET: whole or not at all, also while the old file is running.
place() {
  local mode=$1 source=$2 target=$3 temporary
  mkdir -p -- "$(dirname -- "$target")"
  temporary=$(mktemp -- "$(dirname -- "$target")/.vaultd-install.XXXXXX")
  # shellcheck disable=SC2064 # this very file, not what the variable will hold later
  trap "rm -f -- '${temporary//\'/\'\\\'\'}'" EXIT
  cat -- "$source" >"$temporary"
  chmod -- "$mode" "$temporary"
  mv -f -- "$temporary" "$target"
  trap - EXIT
}

# The manual's section is the file's ending.
page_target() { say "$man/man${1##*.}/$(basename -- "$1")"; }

is_ours() { [[ -L $1 && $(readlink -- "$1") == vault-run ]]; }

link_old_names() {
  local name
  for name in "${old_names[@]}"; do
    if [[ -e $bin/$name || -L $bin/$name ]] && ! is_ours "$bin/$name"; then
      say "note: $bin/$name is there already and was left alone; move it away and come back"
    else
      ln -sfn -- vault-run "$bin/$name"
    fi
  done
}

# --- the two actions ----------------------------------------------------------------------------

install_all() {
  if [[ $enable == yes ]] && ! have_manager; then
    fail "$(why_no_manager)"
  fi
  if [[ -z $from ]]; then
    from=$(build)
  fi
  local name socket_changed=no
  for name in "${programs[@]}"; do
    [[ -f $from/$name && -x $from/$name ]] || fail "$from has no program '$name'"
  done
  for name in "${programs[@]}"; do
    place 0755 "$from/$name" "$bin/$name"
  done
  [[ $links == no ]] || link_old_names
  cmp -s -- "$here/vaultd.socket" "$unit_dir/vaultd.socket" || socket_changed=yes
  for name in "${units[@]}"; do
    place 0644 "$here/$name" "$unit_dir/$name"
  done
  for name in "${pages[@]}"; do
    [[ ! -f $root/$name ]] || place 0644 "$root/$name" "$(page_target "$name")"
  done
  say "installed ${programs[*]} in $bin"
  if [[ $enable == yes ]]; then
    start "$socket_changed"
  else
    say "not enabled; when your user manager runs: systemctl --user enable --now vaultd.socket"
  fi
  case :$PATH: in
    *":$bin:"*) ;;
    *) say "note: $bin is not on your PATH; name vault-run by its whole path in MCP clients" ;;
  esac
}

start() {
  local socket_changed=$1
  systemctl --user daemon-reload
  # An earlier version may have failed too often; this one has not.
  systemctl --user reset-failed "${units[@]}" 2>/dev/null || true
  systemctl --user --quiet enable vaultd.socket
  if [[ $socket_changed == yes ]] && systemctl --user --quiet is-active vaultd.socket; then
    systemctl --user restart vaultd.socket
  else
    systemctl --user start vaultd.socket ||
      fail "the socket cannot be opened: another vaultd may be running by hand; end it, or see" \
        "'journalctl --user --unit vaultd.socket'"
  fi
  systemctl --user try-restart vaultd.service ||
    fail "the new daemon does not start; see 'journalctl --user --unit vaultd'"
  say "listening; the daemon starts with the first call. Try: vaultctl status"
}

uninstall_all() {
  local name
  if have_manager; then
    systemctl --user --quiet disable --now "${units[@]}" 2>/dev/null || true
    systemctl --user stop "${units[@]}" 2>/dev/null || true
  else
    # Without a manager nothing runs, but it may be enabled.
    rm -f -- "$unit_dir/sockets.target.wants/vaultd.socket"
    rmdir -- "$unit_dir/sockets.target.wants" 2>/dev/null || true
  fi
  for name in "${programs[@]}"; do rm -f -- "$bin/$name"; done
  for name in "${old_names[@]}"; do
    ! is_ours "$bin/$name" || rm -f -- "$bin/$name"
  done
  for name in "${units[@]}"; do rm -f -- "$unit_dir/$name"; done
  for name in "${pages[@]}"; do rm -f -- "$(page_target "$name")"; done
  if have_manager; then
    systemctl --user daemon-reload
    systemctl --user reset-failed "${units[@]}" 2>/dev/null || true
  fi
  say 'removed vaultd. Kept, where they exist; remove them yourself if you want:'
  say "  configuration  $config/vaultd"
  say "  store, audit   $state/vaultd   (the stored secrets and the key that opens them)"
  say "  unit drop-ins  $unit_dir/vaultd.service.d, $unit_dir/vaultd.socket.d"
}

find_runtime_directory
"${action}_all"

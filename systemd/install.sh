#!/usr/bin/env bash
# Installs vaultd for the person who runs it, or takes it away again. See --help.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname -- "$here")

programs=(vaultd vault-run vaultctl)
units=(vaultd.socket vaultd.service)
# vault-run answers to these, too: people's configurations name them. The second one is a program
# for Python, because that is how they start it.
old_names=(mcp-launch mcp_vault_proxy.py)
pages=(client/launcher/vault-run.1 client/vaultctl/vaultctl.1 daemon/vaultd/vaultd.8)

usage() {
  cat <<'TEXT'
usage: systemd/install.sh [--from DIR] [--no-enable] [--old-names]
       systemd/install.sh --uninstall

Builds vaultd, vault-run and vaultctl, installs them for you alone, and lets systemd listen on the
daemon's socket. Run it again to upgrade: a running daemon is restarted, waiting callers are kept.

  --from DIR    take vaultd, vault-run and vaultctl from DIR, where they were built or unpacked;
                nothing is built, and cargo is not needed
  --no-enable   only copy the files; for images, or where no user manager is running
  --old-names   make mcp-launch and mcp_vault_proxy.py, which start vault-run, also as
                'python3 ~/.local/bin/mcp_vault_proxy.py'
  --uninstall   stop the daemon and remove what this script installed; configuration and
                stored secrets stay
  --help        this text

Files: ~/.local/bin, ~/.local/share/man, $XDG_CONFIG_HOME/systemd/user (~/.config/systemd/user), and
an empty $XDG_CONFIG_HOME/vaultd/configs for your services. XDG_CONFIG_HOME counts as your user
manager has it, where one runs.
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
ctl=vaultctl
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

# variable NAME: as the user manager, and so vaultd, has it.
variable() {
  local value quoted="^\\\$'([^'\\\\]|\\\\.)*'\$"
  value=$(systemctl --user show-environment 2>/dev/null | sed -n "s/^$1=//p")
  # What is not plain is quoted as for bash: one word, in which nothing is expanded.
  if [[ $value =~ $quoted ]]; then eval "value=$value"; fi
  [[ -z $value || $value == /* ]] ||
    fail "$1 is no absolute path for your user manager; mend it in ~/.config/environment.d and log in anew"
  printf '%s' "$value"
}

# A variable that only this shell has would send the units, and a person's files, where nobody looks.
use_places_of_manager() {
  local theirs
  unit_dir=$config/systemd/user
  have_manager || return 0
  theirs=$(variable XDG_CONFIG_HOME) || exit
  theirs=${theirs:-$HOME/.config}
  if [[ $theirs != "$config" ]]; then
    say "note: XDG_CONFIG_HOME is $config in this shell and $theirs for your user manager, which starts" \
      "vaultd: $theirs is used; to change that, set it in ~/.config/environment.d and log in anew"
    config=$theirs
  fi
  theirs=$(variable XDG_STATE_HOME) || exit
  state=${theirs:-$HOME/.local/state}
  unit_dir=$config/systemd/user
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
  say 'building; the first time takes minutes' >&2
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

is_ours() {
  if [[ -L $1 ]]; then
    [[ $(readlink -- "$1") == vault-run ]]
  else
    [[ -f $1 ]] && grep -q '^# Made by install.sh of vaultd\.$' -- "$1"
  fi
}

# vault-run under an old name, for bash and for Python: either takes the other's part for a text.
script_for_old_name() {
  cat <<'TEXT'
#!/usr/bin/env bash
# Made by install.sh of vaultd.
''':'
exec -a mcp_vault_proxy.py "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/vault-run" "$@"
'''
import os
import signal
import sys

# Python ignores these, and the server would too.
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
place = os.path.dirname(os.path.realpath(__file__))
os.execv(os.path.join(place, "vault-run"), ["mcp_vault_proxy.py"] + sys.argv[1:])
TEXT
}

link_old_names() {
  local name
  for name in "${old_names[@]}"; do
    if [[ -e $bin/$name || -L $bin/$name ]] && ! is_ours "$bin/$name"; then
      say "note: $bin/$name is there already and was left alone; move it away and come back"
    elif [[ $name == *.py ]]; then
      place 0755 <(script_for_old_name) "$bin/$name"
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
  make_configs
  case :$PATH: in
    *":$bin:"*) ctl=vaultctl ;;
    *) ctl=$bin/vaultctl ;;
  esac
  say "installed ${programs[*]} in $bin"
  if [[ $enable == yes ]]; then
    start "$socket_changed"
  else
    say "not enabled; when your user manager runs: systemctl --user enable --now vaultd.socket"
  fi
  say "services are files in $config/vaultd/configs"
  [[ $ctl == vaultctl ]] ||
    say "note: $bin is not on your PATH: say $ctl, and name $bin/vault-run in MCP clients; a new login" \
      'may change that'
  if [[ $enable == no && -n ${XDG_CONFIG_HOME:-} ]] && ! have_manager; then
    say "note: XDG_CONFIG_HOME is $XDG_CONFIG_HOME in this shell; vaultd looks there only where it has the" \
      'same'
  fi
}

# Services go there, and a person's first command writes one.
make_configs() {
  mkdir -p -- "$config"
  [[ -d $config/vaultd ]] || mkdir -m 0700 -- "$config/vaultd"
  [[ -d $config/vaultd/configs ]] || mkdir -m 0700 -- "$config/vaultd/configs"
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
  say "listening; the daemon starts with the first call. Try: $ctl status"
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
use_places_of_manager
"${action}_all"

#!/usr/bin/env bash
# Runs a command as an unprivileged user inside a real `systemd --user`, and leaves no trace.
#
#   usage (as root): tests/with-systemd-user.sh COMMAND [ARGUMENT...]
#
# The command's exit status is the script's. Status 77 with a sentence on standard error means that
# this machine cannot do it (not root, no namespaces, no cgroup v2, no systemd).
#
# What the command finds: user `tester` with an empty home, XDG_RUNTIME_DIR, a user manager that has
# started, a journal (`journalctl --user`), and a session bus where dbus-user-session is installed.
# It gets none of the caller's variables but those whose names are listed in TESTER_KEEP, and it
# cannot gain privileges.
#
# How: three stages, each this script again.
#   outside  own mount namespace and a cgroup of its own; waits, and removes the cgroup
#   machine  own pid, cgroup, ipc and uts namespaces: mounts, the user, journald
#   user     privileges dropped: `systemd --user`, the command, the end
# Home, /run, /var/log and the user's line in /etc/passwd exist in private mounts only. All
# processes end with the pid namespace. Several copies may run at once.
set -euo pipefail

readonly user=tester uid=4242
readonly home=/run/home/$user runtime=/run/user/$uid
readonly slice=user.slice/user-$uid.slice/user@$uid.service

cannot() {
  printf 'with-systemd-user: cannot run a user manager here: %s\n' "$*" >&2
  exit 77
}

# until_true TRIES COMMAND...: the two daemons started here tell nobody that they are ready.
until_true() {
  local tries=$1
  shift
  while ! "$@" 2>/dev/null; do
    ((tries-- > 0)) || return 1
    sleep 0.02
  done
}

find_systemd() {
  local directory
  for directory in /usr/lib/systemd /lib/systemd; do
    if [[ -x $directory/systemd && -x $directory/systemd-journald ]]; then
      printf '%s\n' "$directory"
      return
    fi
  done
  return 1
}

check_machine() {
  local tool
  [[ $(id -u) == 0 ]] || cannot 'this needs root (it makes namespaces and drops to another user)'
  for tool in unshare setpriv mount systemctl journalctl; do
    command -v "$tool" >/dev/null || cannot "'$tool' is not installed"
  done
  find_systemd >/dev/null || cannot 'systemd is not installed'
  unshare --mount --pid --cgroup --ipc --uts --fork --mount-proc true 2>/dev/null ||
    cannot 'namespaces are not permitted (a container without CAP_SYS_ADMIN?)'
  unshare --mount --propagation private \
    sh -c 'mount -t tmpfs none /mnt && mount -t cgroup2 none /mnt' 2>/dev/null ||
    cannot 'cgroup v2 cannot be mounted'
}

# --- outside ------------------------------------------------------------------------------------

outside() {
  local hierarchy status=0
  hierarchy=$(mktemp -d)
  mount -t cgroup2 none "$hierarchy"
  group=$hierarchy/with-systemd-user-$$
  # shellcheck disable=SC2064 # the local's value of now
  trap "remove_cgroups '$hierarchy'" EXIT
  mkdir "$group" 2>/dev/null || cannot 'cgroups cannot be made'
  (
    echo "$BASHPID" >"$group/cgroup.procs" || cannot 'processes cannot be moved between cgroups'
    exec unshare --mount --pid --cgroup --ipc --uts --fork --kill-child --mount-proc \
      bash "$0" --stage machine "$@"
  ) || status=$?
  exit "$status"
}

# The kernel lets go of a dead process's cgroup a moment after its end.
no_cgroups_left() {
  find "$group" -depth -type d -exec rmdir {} + && [[ ! -e $group ]]
}

remove_cgroups() {
  [[ ! -d $group ]] || until_true 100 no_cgroups_left || true
  umount -l "$1"
  rmdir "$1"
}

# --- machine ------------------------------------------------------------------------------------

machine() {
  local journal=/sys/fs/cgroup/system.slice/systemd-journald.service
  local mine=/sys/fs/cgroup/$slice
  umount -R /sys/fs/cgroup 2>/dev/null || true
  mount -t cgroup2 -o nsdelegate none /sys/fs/cgroup
  mkdir -p "$mine" "$journal"
  mount -t tmpfs -o mode=755 none /run
  mount -t tmpfs -o mode=755 none /var/log
  make_user
  # systemd asks for this directory before it believes that systemd runs the machine.
  install -d -m 755 /run/systemd/system
  install -d -m 2755 -g systemd-journal /var/log/journal
  chown "$uid" "$mine" "$mine"/cgroup.{procs,subtree_control,threads}
  (
    echo "$BASHPID" >"$journal/cgroup.procs"
    exec "$(find_systemd)/systemd-journald"
  ) &
  until_true 500 test -S /run/systemd/journal/stdout || cannot 'journald does not start'
  journalctl --flush >/dev/null 2>&1 || true
  echo "$$" >"$mine/cgroup.procs"
  drop_to_user "$@"
}

make_user() {
  local file
  for file in passwd group; do cp "/etc/$file" "/run/.$file"; done
  getent group systemd-journal >/dev/null || echo "systemd-journal:x:$((uid + 1)):" >>/run/.group
  echo "$user:x:$uid:$uid::$home:/bin/bash" >>/run/.passwd
  echo "$user:x:$uid:" >>/run/.group
  for file in passwd group; do mount --bind "/run/.$file" "/etc/$file"; done
  install -d -m 700 -o "$uid" -g "$uid" "$runtime" "$home"
}

drop_to_user() {
  local variable
  local -a kept=()
  # The user may not be able to read where the script is.
  install -m 755 "$0" /run/.with-systemd-user
  for variable in ${TESTER_KEEP:-}; do kept+=("$variable=${!variable-}"); done
  exec setpriv --reuid "$uid" --regid "$uid" --groups systemd-journal \
    --inh-caps=-all --bounding-set=-all --no-new-privs \
    env -i HOME="$home" USER="$user" LOGNAME="$user" SHELL=/bin/bash LANG=C.UTF-8 \
    PATH=/usr/local/bin:/usr/bin:/bin XDG_RUNTIME_DIR="$runtime" \
    DBUS_SESSION_BUS_ADDRESS="unix:path=$runtime/bus" "${kept[@]}" \
    bash /run/.with-systemd-user --stage user "$@"
}

# --- user ---------------------------------------------------------------------------------------

manager_has_started() {
  case $(systemctl --user is-system-running) in
    running | degraded) ;;
    *) return 1 ;;
  esac
}

as_user() {
  local manager status=0
  cd
  ulimit -c 0
  "$(find_systemd)/systemd" --user --log-target=journal &
  manager=$!
  until_true 500 manager_has_started || cannot 'the user manager does not start'
  "$@" || status=$?
  systemctl --user exit 2>/dev/null || kill "$manager"
  wait "$manager" || true
  exit "$status"
}

if [[ ${1:-} == --stage ]]; then
  stage=$2
  shift 2
  case $stage in
    outside) outside "$@" ;;
    machine) machine "$@" ;;
    user) as_user "$@" ;;
  esac
else
  (($#)) || {
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2
    exit 2
  }
  check_machine
  exec unshare --mount --propagation private bash "$0" --stage outside "$@"
fi

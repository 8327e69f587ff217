# Functions that deploy/demo and tests/run share. Source it from bash with
# `set -euo pipefail`; it sets SOURCE_DIR, the root of the source tree.

SOURCE_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "== $*" >&2; }
die() {
  printf '%s\n' "error: $*" >&2
  exit 1
}

# Names of the packages in the sections given, `build` and `check`.
packages_of() {
  local section
  for section in "$@"; do
    awk -v want="[$section]" '
      /^# \[/ { on = ($2 == want) }
      on && !/^#/ && NF { print $1 }' "$SOURCE_DIR/deploy/packages.txt"
  done
}

# Names of the installed packages, and what they provide: a nodejs that is not
# Debian's has npm in itself.
installed_packages() {
  dpkg-query -W -f='${db:Status-Status} ${Package} ${Provides}\n' |
    sed -n 's/^installed //p' | tr -s ', ' '\n'
}

# Installs what is missing of the sections given. Asks apt for nothing when
# nothing is missing, so it works without a mirror then.
install_packages() {
  local package installed missing=() as_root=()
  installed=$(installed_packages)
  for package in $(packages_of "$@"); do
    grep -qxF -- "$package" <<<"$installed" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  say "installing ${missing[*]}"
  if ((EUID != 0)); then
    command -v sudo >/dev/null || die "needs root or sudo to install: ${missing[*]}"
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -q >&2
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
}

# Builds the targets named, all if none is, with a preset of CMakePresets.json.
build_preset() {
  local preset=$1
  shift
  (
    cd "$SOURCE_DIR"
    say "configuring build/$preset"
    cmake --preset "$preset"
    say "building in build/$preset"
    cmake --build --preset "$preset" ${1:+--target "$@"}
  ) >&2
}

# Waits until a command succeeds, so many seconds at most.
wait_until() {
  local seconds=$1 end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep 0.1
  done
}

# Whether process $1 is a program of this tree that works in folder $2: a pid file
# may outlive its process, and the pid may be somebody else's by now.
is_process_of() {
  local words
  words=$({ tr '\0' '\n' <"/proc/$1/cmdline"; } 2>/dev/null) || return 1
  grep -qF "$2/" <<<"$words" && grep -qE '(^|/)(gaceta(-hub|-node)?|make-federation)$' <<<"$words"
}
is_gone() { ! is_process_of "$1" "$2"; }

# Ends process $1 if it is one of folder $2.
stop_process() {
  is_process_of "$1" "$2" || return 0
  kill -TERM "$1" 2>/dev/null || true
  wait_until 12 is_gone "$1" "$2" || kill -KILL "$1" 2>/dev/null || true
}

# Ends the servers whose pid files are in folder $1/run, in order, and removes
# the files.
stop_servers() {
  local file pid
  for file in "$1"/run/*.pid; do
    [[ -e $file ]] || continue
    pid=$(<"$file")
    if [[ $pid =~ ^[0-9]+$ ]]; then stop_process "$pid" "$1"; fi
    rm -f "$file"
  done
}

# Ends every program that works in folder $1: commands that an interrupt left,
# and a server that had no pid file yet.
stop_programs() {
  local file
  for file in $(grep -lsaF "$1/" /proc/[0-9]*/cmdline); do
    stop_process "$(basename "$(dirname "$file")")" "$1"
  done
}

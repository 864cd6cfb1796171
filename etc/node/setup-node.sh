#!/bin/sh
# Sets this server up for a class, under the name that the original had:
#
#     sudo ./setup-node.sh alpha-lab.example.org --email me@example.org
#
# All of it is done by `pipalhub setup-node`, which is given the same words. The program is the one in
# PIPALHUB_PROGRAM, else beside this script, else in bin/ of the tarball that this script is in, else
# the one on PATH.
set -eu

fail() {
    printf 'setup-node.sh: %s\n' "$1" >&2
    exit 1
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

find_program() {
    if [ -n "${PIPALHUB_PROGRAM:-}" ]; then
        [ -f "$PIPALHUB_PROGRAM" ] ||
            fail "there is no program $PIPALHUB_PROGRAM, which PIPALHUB_PROGRAM names"
        printf '%s' "$PIPALHUB_PROGRAM"
        return
    fi
    for candidate in "$here/pipalhub" "$here/../../bin/pipalhub"; do
        if [ -f "$candidate" ]; then
            printf '%s' "$candidate"
            return
        fi
    done
    command -v pipalhub ||
        fail "there is no program pipalhub: put it beside this script ($here/pipalhub), or name it in PIPALHUB_PROGRAM"
}

if [ $# -eq 0 ]; then
    fail "say the hostname of this server, as in: $0 alpha-lab.example.org"
fi
[ "$(uname -s)" = Linux ] || fail "this is for a server with Linux, and here is $(uname -s)"

program=$(find_program)
if [ ! -x "$program" ]; then
    fail "$program may not be run: chmod +x $program"
fi

# Whatever keeps it from starting is found before anything is done.
if ! said=$("$program" --version 2>&1); then
    case "$said" in
        *"Exec format error"* | *"cannot execute"*)
            fail "$program is for another kind of machine than this one ($(uname -m)): take the package for $(uname -m)" ;;
        *)
            fail "$program does not start: $said" ;;
    esac
fi
if ! "$program" setup-node --help > /dev/null 2>&1; then
    fail "$program ($said) has no setup-node: take a newer one"
fi

case " $* " in
    *" --help "* | *" -h "*) ;;
    *) [ "$(id -u)" -eq 0 ] || fail "this needs root: sudo $0 $*" ;;
esac

exec "$program" setup-node "$@"

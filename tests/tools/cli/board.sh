#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The login of a board that is an emulated Cortex-A72: in a namespace of its own, this machine's kernel runs aarch64
# programs under qemu, /proc/cpuinfo is a board's, and what says something of the machine says a board's.
# Usage: board.sh FOLDER COMMAND; FOLDER/env may set what is odd about the board.
set -e
folder=$1 command=$2
mkdir -p "$folder/bin" "$folder/home"
[ ! -e "$folder/env" ] || . "$folder/env"
cat >"$folder/cpuinfo" <<EOF
processor	: 0
Features	: ${FEATURES-fp asimd evtstrm crc32 cpuid}
EOF
tool() { printf '#!/bin/sh\n%s\n' "$2" >"$folder/bin/$1"; }
tool uname "case \$1 in -m) echo ${ARCH-aarch64} ;; *) echo Linux 6.6.31 ;; esac"
tool getconf "case \$1 in LONG_BIT) echo ${BITS-64} ;; GNU_LIBC_VERSION) echo ${LIBC-glibc 2.36} ;; *) echo 4 ;; esac"
tool dpkg "echo ${PACKAGES-arm64}"
tool vcgencmd "echo throttled=${THROTTLED-0x0}"
tool taskset 'shift 2; exec "$@"'
tool df "echo header; echo disk 1 1 ${FREE-1000000} 1"
chmod 755 "$folder/bin/"*
export BOARD_FOLDER="$folder" BOARD_COMMAND="$command" NOISE LOGIN_SHELL="${LOGIN_SHELL-sh}"
exec unshare --user --map-root-user --mount sh -ec '
    mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
    printf "%s" ":a72:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:$(command -v qemu-aarch64):F" \
        >/proc/sys/fs/binfmt_misc/register
    mount --bind "$BOARD_FOLDER/cpuinfo" /proc/cpuinfo
    cd "$BOARD_FOLDER/home"
    export QEMU_CPU=cortex-a72 HOME="$PWD" PATH="$BOARD_FOLDER/bin:$PATH"
    [ -z "$NOISE" ] || echo "$NOISE"
    exec $LOGIN_SHELL -c "$BOARD_COMMAND"
'

#!/bin/sh
# Downloads Debian's kernel image and unpacks it (it is not installed) to the folder in which the interop tests
# look for a kernel with ip_gre: $GREBE_GUEST_KERNEL, or /var/cache/grebe/kernel.
set -eu
target=${GREBE_GUEST_KERNEL:-/var/cache/grebe/kernel}
[ -d "$target/lib/modules" ] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
image=$(apt-cache depends "linux-image-$(dpkg --print-architecture)" | awk '$1 == "Depends:" { print $2; exit }')
apt-get download "$image"
dpkg -x "$image"_*.deb unpacked
mkdir -p "$target"
cp -r unpacked/boot unpacked/lib "$target/"
# The kernel without its own decompressor boots in a fraction of the time where the processor is emulated.
cd "$target/boot"
position=$(LC_ALL=C grep -obUaP '\xFD7zXZ\x00' vmlinuz-* | head -n 1 | cut -d: -f1)
tail -c "+$((position + 1))" vmlinuz-* | xz -dc > vmlinux 2>/dev/null || [ -s vmlinux ]

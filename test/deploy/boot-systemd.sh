#!/bin/sh
# Boots systemd on this machine's own files, which it sees but cannot change: what it writes is in memory. None of
# the machine's services are started. Ends with its standard input, and leaves nothing behind.
#
#   unshare --mount --propagation private boot-systemd.sh FOLDER REPOSITORY NODE
#
# FOLDER is an empty folder to mount things in. In there REPOSITORY is installed as `npm install --global` does it,
# and NODE is /usr/local/bin/node. Prints the process id of systemd.
set -eu

if [ "$1" != inside ]; then
  folder=$1 repository=$2 node=$3
  mount -t tmpfs -o mode=0755 tmpfs "$folder"
  mkdir "$folder/changes" "$folder/overlay" "$folder/root" "$folder/control"

  # A control group of its own, which is the topmost one that it can see.
  mount -t cgroup2 cgroup2 "$folder/control"
  own=$folder/control/grebe-test-$$
  mkdir "$own"
  echo $$ >"$own/cgroup.procs"
  leave() {
    echo $$ >"$folder/control/cgroup.procs"
    find "$own" -depth -type d -exec rmdir {} +
  }
  trap leave EXIT

  root=$folder/root
  mount -t overlay -o "lowerdir=/,upperdir=$folder/changes,workdir=$folder/overlay" overlay "$root"
  rm -rf "$root/etc/systemd/system" "$root/etc/fstab"
  mkdir -p "$root/etc/systemd/system" "$root/etc/systemd/journald.conf.d"
  printf '[Journal]\nStorage=volatile\n' >"$root/etc/systemd/journald.conf.d/test.conf"
  # Without one systemd takes this for a new machine, and enables every service that there is.
  echo 67726562652067726562652067726562 >"$root/etc/machine-id"
  for place in tmp run dev; do mount -t tmpfs -o mode=0755 tmpfs "$root/$place"; done
  chmod 1777 "$root/tmp"

  modules=$root/usr/local/lib/node_modules/grebe
  rm -rf "$modules" "$root/usr/local/bin/grebe" "$root/usr/local/bin/node"
  mkdir -p "$modules" "$root/usr/local/bin"
  mount --bind "$repository" "$modules"
  mount -o remount,bind,ro "$modules"
  ln -s ../lib/node_modules/grebe/dist/src/cli/grebe.js "$root/usr/local/bin/grebe"
  touch "$root/usr/local/bin/node"
  mount --bind "$node" "$root/usr/local/bin/node"
  mount -o remount,bind,ro "$root/usr/local/bin/node"

  unshare --mount --pid --fork --kill-child --cgroup --uts --ipc sh "$0" inside "$root" &
  child=$!
  read -r systemd <<PROCESS
$(until cat "/proc/$child/task/$child/children" | grep .; do kill -0 "$child" && sleep 0.1; done)
PROCESS
  # Before that it is a shell, which may still see the real machine's files.
  until grep -qx systemd "/proc/$systemd/comm"; do sleep 0.1; done
  exec 3<&0
  (
    while read -r _; do :; done <&3
    kill -KILL "$systemd"
  ) &
  watcher=$!
  echo "$systemd"
  wait "$child" || :
  kill "$watcher" 2>/dev/null || :
  wait "$watcher" || :
  exit
fi

# The first process of the new machine.
cd "$2"
mount -t proc proc proc
# The kernel's settings are the real machine's, too.
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mkdir dev/pts dev/shm dev/net
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
for device in null:3 zero:5 full:7 random:8 urandom:9; do
  mknod -m 0666 "dev/${device%:*}" c 1 "${device#*:}"
done
mknod -m 0666 dev/tty c 5 0
mknod -m 0666 dev/net/tun c 10 200
mkdir mnt/before
pivot_root . mnt/before
umount -l mnt/before
# What reaches further than this machine is taken from everything in it.
exec env -i container=test PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  setpriv --bounding-set -sys_module,-sys_time,-sys_rawio,-mknod \
  /lib/systemd/systemd --unit=sysinit.target --show-status=no </dev/null >/dev/null 2>&1

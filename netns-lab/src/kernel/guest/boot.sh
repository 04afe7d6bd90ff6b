#!/bin/busybox sh
# First program of the lab kernel, in its initramfs: mounts the machine's root read-only with a scratch layer on top
# and goes on in lab.sh there. Never writes to the machine. busybox runs its own applets here: by way of /proc/self/exe.
/bin/busybox mkdir /proc
/bin/busybox mount -t proc proc /proc
for module in $(cat /modules/order); do insmod "/modules/$module" || echo "lab: module $module does not load"; done
mkdir -p /lower /scratch /root
# cache=loose: nobody else changes the tree in the minutes that a run takes, and looking up a path stays in the guest.
mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=512000 root /lower || exec poweroff -f
mount -t tmpfs -o size=75% scratch /scratch
mkdir /scratch/upper /scratch/work
mount -t overlay -o lowerdir=/lower,upperdir=/scratch/upper,workdir=/scratch/work,redirect_dir=on lab /root || exec poweroff -f

read -r release < /modules/release
read -r tree < /modules/tree
mkdir -p "/root/lib/modules/$release"
mount --bind "/lower$tree" "/root/lib/modules/$release"

mkdir -p /root/proc /root/sys /root/dev /root/run
mount -t proc proc /root/proc
mount -t sysfs sysfs /root/sys
mount -t cgroup2 cgroup2 /root/sys/fs/cgroup
mount -t devtmpfs devtmpfs /root/dev
mkdir -p /root/dev/pts /root/dev/shm
mount -t devpts -o mode=620,ptmxmode=666 devpts /root/dev/pts
mount -t tmpfs -o mode=1777 shm /root/dev/shm
mount -t tmpfs -o mode=755 run /root/run
mkdir /root/run/netns-lab
cp /bin/busybox /lab.sh /root/run/netns-lab/
exec switch_root /root /run/netns-lab/busybox sh /run/netns-lab/lab.sh

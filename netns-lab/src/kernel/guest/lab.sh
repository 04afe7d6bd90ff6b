# Process 1 of the lab kernel after the root is in place: loads what labs need, takes one command over the control
# port, runs it with its output on two ports of their own, and tells its exit code. See ../protocol.ts for the words.
# Run by busybox, whose applets come before PATH.
here=/run/netns-lab

for port in /sys/class/virtio-ports/*; do
  read -r name < "$port/name"
  case $name in
    control) control=/dev/${port##*/} ;;
    stdout) stdout=/dev/${port##*/} ;;
    stderr) stderr=/dev/${port##*/} ;;
  esac
done
exec 3<> "$control"
echo booted >&3

read -r output <&3
if [ -n "$output" ]; then
  mkdir -p "$output"
  mount -t 9p -o trans=virtio,version=9p2000.L,cache=mmap,msize=512000 output "$output" || { echo "failed: $output cannot be mounted" >&3; sleep 60; poweroff -f; }
fi
read -r terminal <&3
read -r end <&3
read -r length <&3
head -c "$length" <&3 > $here/command

modules='vrf mpls_router mpls_iptunnel mpls_gso ip_gre ip6_gre ipip ip6_tunnel fou fou6 veth dummy 8021q nf_tables cls_flower act_tunnel_key act_mirred sch_ingress'
/sbin/modprobe -a $modules > /dev/null 2>&1
ifconfig lo up
hostname lab
echo ready >&3

if [ "$terminal" = yes ]; then
  setsid -c /bin/sh $here/command 0<> /dev/hvc0 1>&0 2>&0 3<&-
  code=$?
else
  # Pipes, so that the command meets what it would meet in a shell; a port opens only once and is no pipe.
  mkfifo $here/stdout $here/stderr
  # The mark tells the other side that it has all: a write to a port returns before the bytes are taken.
  { cat; printf '\000%s' "$end"; } < $here/stdout > "$stdout" 3<&- &
  first=$!
  { cat; printf '\000%s' "$end"; } < $here/stderr > "$stderr" 3<&- &
  second=$!
  setsid /bin/sh $here/command < /dev/null > $here/stdout 2> $here/stderr 3<&-
  code=$?
  # What the command left running holds the pipes open: end it, so that all that was written can be read to its end.
  for process in /proc/[0-9]*; do
    # Session 0 is process 1's own: kernel threads, and the two that copy.
    read -r _ _ _ _ _ session _ < "$process/stat" && [ "$session" != 0 ] && kill -9 "${process##*/}"
  done 2> /dev/null
  wait "$first" "$second"
fi
[ -z "$output" ] || { cd /; umount "$output" 2> /dev/null || sync; }
echo "exit $code" >&3
# The other side now ends this machine, once it has read all.
sleep 60
poweroff -f

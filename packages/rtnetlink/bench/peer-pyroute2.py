# pyroute2 as a peer: OP FAMILY TABLE COUNT SHIFT NEXTHOPS as program-routes.c has them, and the device. Prints { wall, cpu } in seconds.
# pyroute2 0.7 cannot name a nexthop object: each route leads to the device. One acknowledged request a route, as its interface has it.
import json
import sys
import time

from pyroute2 import IPRoute

op, family, table, count, _shift, _nexthops, device = sys.argv[1:]
kernel = IPRoute()
index = kernel.link_lookup(ifname=device)[0]
if family == "ipv4":
    prefixes = [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}/32" for n in range(int(count))]
else:
    prefixes = [f"fd00::{n >> 16:x}:{n & 65535:x}/128" for n in range(int(count))]
wall, cpu = time.perf_counter(), time.process_time()
for prefix in prefixes:
    kernel.route("del" if op == "delete" else op, dst=prefix, oif=index, table=int(table))
print(json.dumps({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}))

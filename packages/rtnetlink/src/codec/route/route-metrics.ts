// Metrics of a route: RTA_METRICS, RTAX_* of linux/rtnetlink.h.
import type { RouteMetrics } from '../../objects.ts';
import { AttributeTable, present, type Values } from '../wire/attributes.ts';
import { ignored, ranged, u32 } from '../wire/formats.ts';

const mtuType = 2;
/** What lies above, the kernel cuts down to without a word (net/ipv4/metrics.c). */
const largest = { mtu: 65535 - 15, advmss: 65535 - 40, hopLimit: 255 } as const;

const entries = {
  /** A bit of each metric that is locked, counted from 1. */
  RTAX_LOCK: [1, u32],
  RTAX_MTU: [mtuType, ranged(u32, 0, largest.mtu)],
  RTAX_WINDOW: [3, ignored],
  RTAX_RTT: [4, ignored],
  RTAX_RTTVAR: [5, ignored],
  RTAX_SSTHRESH: [6, ignored],
  RTAX_CWND: [7, ignored],
  RTAX_ADVMSS: [8, ranged(u32, 0, largest.advmss)],
  RTAX_REORDERING: [9, ignored],
  RTAX_HOPLIMIT: [10, ranged(u32, 0, largest.hopLimit)],
  RTAX_INITCWND: [11, ignored],
  RTAX_FEATURES: [12, ignored],
  RTAX_RTO_MIN: [13, ignored],
  RTAX_INITRWND: [14, ignored],
  RTAX_QUICKACK: [15, ignored],
  RTAX_CC_ALGO: [16, ignored],
  RTAX_FASTOPEN_NO_COOKIE: [17, ignored],
} as const;

export const metricsAttributes = new AttributeTable(entries);

type MetricsValues = Values<typeof entries>;

/** @returns undefined where there is nothing to say. */
export function metricsValues(metrics: RouteMetrics | undefined): MetricsValues | undefined {
  if (metrics === undefined) return undefined;
  const values = present<MetricsValues>({
    RTAX_MTU: metrics.mtu,
    RTAX_ADVMSS: metrics.advmss,
    RTAX_HOPLIMIT: metrics.hopLimit,
    RTAX_LOCK: metrics.mtuLocked === true ? 1 << mtuType : undefined,
  });
  return Object.keys(values).length === 0 ? undefined : values;
}

/** The reverse of `metricsValues`. */
export function metricsFacts(values: MetricsValues | undefined): RouteMetrics | undefined {
  if (values === undefined) return undefined;
  const facts = present<RouteMetrics>({
    mtu: values.RTAX_MTU,
    mtuLocked: ((values.RTAX_LOCK ?? 0) & (1 << mtuType)) !== 0 || undefined,
    advmss: values.RTAX_ADVMSS,
    hopLimit: values.RTAX_HOPLIMIT,
  });
  return Object.keys(facts).length === 0 ? undefined : facts;
}

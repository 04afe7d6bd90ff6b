import { expect, test } from 'vitest';
import { loadOrder } from '../src/kernel/modules.ts';

test('modules come after what they depend on, once, without those built in', () => {
  const dep = [
    'kernel/fs/9p/9p.ko: kernel/net/9p/9pnet.ko kernel/fs/netfs/netfs.ko',
    'kernel/net/9p/9pnet_virtio.ko.xz: kernel/net/9p/9pnet.ko kernel/drivers/virtio/virtio-ring.ko kernel/drivers/virtio/virtio.ko',
    'kernel/net/9p/9pnet.ko:',
    '',
  ].join('\n');
  expect(loadOrder(dep, ['9pnet_virtio', '9p', 'overlay'])).toEqual([
    'kernel/drivers/virtio/virtio.ko',
    'kernel/drivers/virtio/virtio-ring.ko',
    'kernel/net/9p/9pnet.ko',
    'kernel/net/9p/9pnet_virtio.ko.xz',
    'kernel/fs/netfs/netfs.ko',
    'kernel/fs/9p/9p.ko',
  ]);
});

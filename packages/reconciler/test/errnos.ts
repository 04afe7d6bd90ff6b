// What requests fail with in tests.
export const errnos = [
  'EPERM',
  'ENOMEM',
  'ENOBUFS',
  'EBUSY',
  'EINVAL',
  'EEXIST',
  'ENOENT',
  'ENODEV',
  'ESRCH',
  'ENETDOWN',
  'EOPNOTSUPP',
  'EAGAIN',
  'EINTR',
  'ENOSPC',
];

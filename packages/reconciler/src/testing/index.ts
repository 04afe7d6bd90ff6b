// What tests of this package and of those above it put in the place of nftables.
export { FakeNft } from './fake-nft.ts';

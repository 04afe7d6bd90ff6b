// A brand makes a primitive that was checked distinct from one that was not; it exists for the type checker only.

declare const brand: unique symbol;

export type Brand<Primitive, Name extends string> = Primitive & { readonly [brand]: Name };

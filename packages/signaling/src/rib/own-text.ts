/** The same text in memory of its own: what is cut out of a stanza keeps all of it alive. */
export function ownText<T extends string>(text: T): T {
  const own = Buffer.from(text).toString();
  return own === text ? (own as T) : text;
}

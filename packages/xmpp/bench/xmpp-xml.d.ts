// Types of the untyped @xmpp/xml 0.14: its tree parser, as its source has it.
declare module '@xmpp/xml/lib/Parser.js' {
  import type { Element } from 'ltx';

  export default class Parser {
    on(name: 'element', listener: (element: Element) => void): void;
    on(name: 'error', listener: (error: Error) => void): void;
    write(text: string): void;
  }
}

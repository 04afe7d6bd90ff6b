// The XML declaration (XML 1.0 section 2.8, production XMLDecl). XMPP is XML 1.0 in UTF-8 (RFC 6120 sections 11.5, 11.6 and 11.8).
import { refuse } from './refuse.ts';

const DECLARATION =
  /^[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:'(1\.[0-9]+)'|"(1\.[0-9]+)")(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:'([A-Za-z][\w.-]*)'|"([A-Za-z][\w.-]*)"))?(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:'(?:yes|no)'|"(?:yes|no)"))?[ \t\r\n]*\?$/;

/** @param text what stands between `<?xml` and `>`. */
export function checkDeclaration(text: string): void {
  const found = DECLARATION.exec(text);
  if (found === null) refuse('not-well-formed', 'the XML declaration is malformed');
  const version = found[1] ?? found[2];
  const encoding = found[3] ?? found[4];
  if (version !== '1.0') refuse('not-well-formed', 'XML version is not 1.0');
  if (encoding !== undefined && encoding.toUpperCase() !== 'UTF-8')
    refuse('unsupported-encoding', 'encoding is not UTF-8');
}

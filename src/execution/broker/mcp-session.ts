/**
 * Sessions of MCP servers: the id that an upstream gave goes back to that upstream alone, and only through the door that it
 * came in by (https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management).
 */
export const MCP_SESSION_HEADER = 'mcp-session-id';

/** Ids that servers make (UUIDs, tokens, hashes) have less than half of it. */
const MAX_SESSION_CHARS = 300;
/** Visible ASCII, as the specification asks for. */
const SESSION = /^[\x21-\x7e]+$/;

export type McpSessions = {
  /** The newest id that this upstream gave. */
  of(host: string): string | null;
  /** Keeps what an answer's header says and gives it back; null where it is none. */
  heard(host: string, header: string | null): string | null;
};

/** Those of one door. */
export function createMcpSessions(): McpSessions {
  const newest = new Map<string, string>();
  return {
    of: (host) => newest.get(host) ?? null,
    heard(host, header) {
      if (header === null || header.length > MAX_SESSION_CHARS || !SESSION.test(header)) return null;
      newest.set(host, header);
      return header;
    },
  };
}

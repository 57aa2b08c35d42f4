/** What was reviewed of a tool: the words and the schema that people and the model get, and the digest of what was said then. */
import { z } from 'zod';
import { readReviewed, writeReviewed } from '../foreign/reviewed.ts';
import type { McpConfig } from './config.ts';

/** A description is read by people at review and by the model in every turn. */
export const MAX_DESCRIPTION_CHARS = 2_000;

export const ReviewedTool = z.strictObject({
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  /** When it was taken, which tells it from an earlier one of the same digest. Absent in files from before there was one. */
  at: z.iso.datetime().optional(),
  description: z.string().max(MAX_DESCRIPTION_CHARS),
  /** JSON Schema, as the server gave it. */
  input: z.record(z.string(), z.unknown()),
});
export type ReviewedTool = z.output<typeof ReviewedTool>;

/** Names this one review of its tool. */
export const reviewKey = ({ digest, at }: ReviewedTool): string => at ?? digest;

const keyOf = (server: string, tool: string): string => `${server}/${tool}`;

/** By server and tool; null where it was never reviewed. Throws `config_invalid`. */
export function reviewsOf(
  config: McpConfig,
  options: { production: boolean },
): (server: string, tool: string) => ReviewedTool | null {
  const all = readReviewed(config.reviewedFile, ReviewedTool, options);
  return (server, tool) => all.get(keyOf(server, tool)) ?? null;
}

export function writeReview(
  config: McpConfig,
  server: string,
  tool: string,
  review: ReviewedTool,
  options: { production: boolean },
): void {
  writeReviewed(config.reviewedFile, keyOf(server, tool), review, options);
}

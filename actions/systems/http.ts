/** What the built-in systems share: JSON answers, errors in words, and bodies that fit their schema. */
import type { z } from 'zod';

export function answer(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return Response.json(value, { status, headers });
}

/** An error that a person may read; `code` is stable. */
export function problem(status: number, code: string, message: string): Response {
  return answer({ code, message }, status);
}

/** The body if it fits; whoever calls is our own connector, so anything else is refused without detail. */
export async function parseBody<T>(request: Request, schema: z.ZodType<T>): Promise<T | null> {
  const parsed = schema.safeParse(await request.json().catch(() => null));
  return parsed.success ? parsed.data : null;
}

import { useEffect, useRef, useState } from 'react';
import type { ProofStatus } from '../../../../src/model/ports.ts';
import type { RequestState } from '../../../../src/model/request.ts';
import { useWorkspace } from '../live.tsx';
import { Chip, Verified } from '../parts.tsx';

/**
 * Whether the log proves this request, asked when the badge comes into sight: a proof is recomputed at each asking,
 * so a long list must not ask for all of them.
 */
export function ProofBadge({ request, state }: { request: string; state: RequestState }) {
  const { api } = useWorkspace();
  const place = useRef<HTMLSpanElement>(null);
  const [proof, setProof] = useState<ProofStatus | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another state has another proof
  useEffect(() => {
    if (place.current === null) return;
    const stop = new AbortController();
    const sight = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      sight.disconnect();
      api.read(`/requests/${request}`, stop.signal).then(
        (page) => setProof(page.proof),
        // The badge claims nothing until it knows; the request's page says what is wrong.
        () => setProof(null),
      );
    });
    sight.observe(place.current);
    return () => {
      sight.disconnect();
      stop.abort();
    };
  }, [api, request, state]);
  return (
    <span ref={place} className="proof-badge">
      {proof?.verified === true && <Verified />}
      {proof?.verified === false && <Chip tone="bad">not verified</Chip>}
    </span>
  );
}

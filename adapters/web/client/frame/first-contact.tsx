/** What whoever comes for the first time must know, until they have read it: also of somebody who only follows a card's link and approves. */
import { Button } from '@mantine/core';
import { useState } from 'react';
import { legible } from '../../../../src/surface/unseen.ts';
import { messageOf } from '../api.ts';
import { useLive, useWorkspace } from '../live.tsx';
import { Problem } from '../parts.tsx';

export function FirstContact() {
  const { api } = useWorkspace();
  // Whoever writes is told in their conversation.
  const { data } = useLive('/greeting', (news) => news.kind === 'thread');
  const [isRead, setRead] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  if (isRead || data === null || data.text === null) return null;
  const read = () =>
    api.greeted().then(
      () => setRead(true),
      (error: unknown) => setProblem(messageOf(error)),
    );
  return (
    <aside className="first-contact" aria-label="First contact">
      <p>{legible(data.text)}</p>
      {problem !== null && <Problem text={problem} />}
      <div className="decide-buttons">
        <Button size="compact-sm" variant="default" onClick={() => void read()}>
          I have read it
        </Button>
        <WhatIsRecorded />
      </div>
    </aside>
  );
}

export const WhatIsRecorded = () => (
  <a href="/privacy" className="small">
    What Countersign records
  </a>
);

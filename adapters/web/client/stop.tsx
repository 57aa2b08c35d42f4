/** What this page waits for, and the way to wait no longer. */
import { Button } from '@mantine/core';
import { useState } from 'react';
import { messageOf } from './api.ts';
import { StopIcon } from './icons.tsx';
import { useWorkspace } from './live.tsx';
import { Problem } from './parts.tsx';

/** `stopped`: it was, and this is about to go. */
export function Working({ thread, stopped }: { thread: string; stopped(): void }) {
  const { api } = useWorkspace();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const stop = async () => {
    setBusy(true);
    setProblem(null);
    try {
      await api.stop(thread);
      stopped();
    } catch (error) {
      setProblem(messageOf(error));
      setBusy(false);
    }
  };
  return (
    <>
      <div className="working">
        <div className="working-words" role="status">
          <span className="dots" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          Working on it
        </div>
        <Button
          variant="default"
          size="sm"
          leftSection={<StopIcon size={16} />}
          title="Drops this, and cancels what you asked for in this conversation and has not begun"
          loading={isBusy}
          onClick={stop}
        >
          Stop
        </Button>
      </div>
      {problem !== null && <Problem text={problem} />}
    </>
  );
}

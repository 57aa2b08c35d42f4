/** Over a page whose session ended: it hides what stands there, takes nothing away, and leads on only when pressed. */
import { Button } from '@mantine/core';
import { useEffect, useRef } from 'react';

export function SignedOut({ path }: { path: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      className="signed-out"
      aria-labelledby="signed-out"
      // Escape would show a page to whoever passes by: there is no way back but the sign-in.
      onClose={() => dialog.current?.showModal()}
    >
      <h2 id="signed-out">You are signed out</h2>
      <p className="muted">
        Your session is over. What you typed and did not send is kept in this tab for you.
      </p>
      <Button component="a" href={`/sign-in?to=${encodeURIComponent(path)}`}>
        Sign in
      </Button>
    </dialog>
  );
}

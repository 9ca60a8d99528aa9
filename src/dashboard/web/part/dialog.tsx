// The platform's dialog: the focus stays inside, Escape closes it, and the focus returns to the button
// that opened it.
import { X } from "lucide";
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { useAction } from "../load.ts";
import { Icon } from "./icon.tsx";
import { Trouble } from "./notice.tsx";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

export function Dialog({ title, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  const isLeaving = useRef(false);
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => {
      // Its close event comes later, when another dialog may have taken its place.
      isLeaving.current = true;
      // Before it is taken away: only closing gives the focus back.
      element?.close();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={titleId}
      // Escape. At once, since the close event is a task of its own: a key that comes before it would
      // find the dialog closed and its owner still thinking that it is open.
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClose={() => {
        if (!isLeaving.current) onClose();
      }}
    >
      <header>
        <h2 id={titleId}>{title}</h2>
        <button type="button" class="quiet" onClick={() => dialog.current?.close()}>
          <Icon of={X} />
          Close
        </button>
      </header>
      {children}
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  /** What the button says. */
  verb: string;
  onClose: () => void;
  act: () => Promise<void>;
  /** False: the button cannot be pressed yet. */
  isAllowed?: boolean;
  children: ComponentChildren;
}

export function Confirm({ title, verb, onClose, act, isAllowed = true, children }: ConfirmProps) {
  const confirmed = useAction(async () => {
    await act();
    onClose();
  });
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (isAllowed) confirmed.run();
        }}
      >
        {children}
        {confirmed.refused && <Trouble refused={confirmed.refused} />}
        <div class="actions">
          <button type="submit" class="danger" disabled={!isAllowed || confirmed.isRunning}>
            {verb}
          </button>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Our own line drawings, 24 by 24, in the colour of the text. All are decoration: the words stand beside them. */
import type { ReactNode } from 'react';

const drawing = (shape: ReactNode) =>
  function Icon({ size = 20 }: { size?: number }) {
    return (
      <svg
        width={size}
        height={size}
        viewBox="0 0 24 24"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.8"
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
        focusable="false"
      >
        {shape}
      </svg>
    );
  };

export const ChatIcon = drawing(
  <path d="M20 11.5a7.5 7.5 0 0 1-11 6.6L4 19.5l1.4-4.6A7.5 7.5 0 1 1 20 11.5Z" />,
);
export const BellIcon = drawing(
  <path d="M18 16V11a6 6 0 1 0-12 0v5l-1.5 2h15L18 16ZM10 20.5a2.2 2.2 0 0 0 4 0" />,
);
export const ListIcon = drawing(<path d="M9 6h11M9 12h11M9 18h11M4.5 6h.01M4.5 12h.01M4.5 18h.01" />);
export const DeskIcon = drawing(
  <path d="M4 8a2 2 0 0 1 2-2h12a2 2 0 0 1 2 2v2a2 2 0 0 0 0 4v2a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2v-2a2 2 0 0 0 0-4V8ZM14 7v2M14 11.2v1.6M14 15v2" />,
);
export const LogIcon = drawing(
  <path d="M7 4h8l4 4v12H7a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2ZM15 4v4h4M9 12h6M9 16h6" />,
);
export const PulseIcon = drawing(<path d="M3 12h4l3-7 4 14 3-7h4" />);
export const PlusIcon = drawing(<path d="M12 5v14M5 12h14" />);
export const SendIcon = drawing(<path d="M12 19V5M6 11l6-6 6 6" />);
export const StopIcon = drawing(<path d="M7 7h10v10H7Z" />);
export const SunIcon = drawing(
  <path d="M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 3v1.5M12 19.5V21M4.9 4.9 6 6M18 18l1.1 1.1M3 12h1.5M19.5 12H21M4.9 19.1 6 18M18 6l1.1-1.1" />,
);
export const MoonIcon = drawing(<path d="M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10Z" />);
export const CheckIcon = drawing(<path d="M5 12.5l4.5 4.5L19 7.5" />);
export const ShieldIcon = drawing(
  <path d="M12 3.5l7 2.5v5.5c0 4.3-2.9 7.6-7 9-4.1-1.4-7-4.7-7-9V6l7-2.5ZM9 12l2.2 2.2L15.2 10" />,
);
export const WarningIcon = drawing(<path d="M12 4.5 21 19.5H3L12 4.5ZM12 10.5v4M12 17h.01" />);
export const ArrowIcon = drawing(<path d="M5 12h14M13 6l6 6-6 6" />);
export const ChevronIcon = drawing(<path d="M7 10l5 5 5-5" />);
export const ThumbUpIcon = drawing(
  <path d="M7 20V10.5L11 3.5a2 2 0 0 1 2.5 2.4L12.8 9.5H18a2 2 0 0 1 2 2.4l-1.2 6.4A2 2 0 0 1 16.8 20H4V10.5h3" />,
);
export const ThumbDownIcon = drawing(
  <path d="M7 4v9.5l4 7a2 2 0 0 0 2.5-2.4l-.7-3.6H18a2 2 0 0 0 2-2.4l-1.2-6.4A2 2 0 0 0 16.8 4H4v9.5h3" />,
);

/** The mark: one stroke by whoever asks, one by whoever countersigns. */
export function Logo({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" fill="none" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="9" fill="#3346d3" />
      <g strokeWidth="3" strokeLinecap="round" strokeLinejoin="round">
        <path d="M7 16.5l4.6 4.6L20.4 11" stroke="#fff" />
        <path d="M15.4 20.2l1 .9L25.2 11" stroke="#7ee2b0" />
      </g>
    </svg>
  );
}

import './trusted-types.ts';
import '@mantine/core/styles.css';
import './styles/base.css';
import './styles/frame.css';
import './styles/pages.css';
import './styles/values.css';
import './styles/conversation.css';
import './styles/home.css';
import './styles/cards.css';
import './styles/request.css';
import './styles/audit.css';
import './styles/phone.css';
import './styles/motion.css';
import { MantineProvider } from '@mantine/core';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { theme } from './theme.ts';

const root = document.getElementById('root');
if (root === null) throw new Error('the page has no root element');
/** Vite leaves the response's nonce here. */
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';

createRoot(root).render(
  <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
    <App />
  </MantineProvider>,
);

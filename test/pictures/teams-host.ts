/** How Teams dresses a card in its light theme, near enough: learn.microsoft.com, "Design Adaptive Cards for Teams". */
const SPACING = { small: 8, default: 12, medium: 16, large: 20, extraLarge: 24, padding: 12 };
const TEXT = { default: '#242424', subtle: '#616161' };
const colours = (name: string) => ({ default: name, subtle: name });
const FOREGROUND = {
  default: TEXT,
  accent: colours('#5b5fc7'),
  good: colours('#237b4b'),
  attention: colours('#c4314b'),
  warning: colours('#835c00'),
};

export const HOST = {
  supportsInteractivity: true,
  fontFamily: '"Segoe UI", "Liberation Sans", Arial, sans-serif',
  fontTypes: {
    default: { fontSizes: { small: 12, default: 14, medium: 14, large: 18, extraLarge: 24 } },
    monospace: {
      fontFamily: 'Consolas, "Liberation Mono", monospace',
      fontSizes: { small: 12, default: 13, medium: 13, large: 16, extraLarge: 20 },
    },
  },
  spacing: SPACING,
  containerStyles: {
    default: { backgroundColor: '#ffffff', foregroundColors: FOREGROUND },
    emphasis: { backgroundColor: '#f5f5f5', foregroundColors: FOREGROUND },
  },
  inputs: {
    label: {
      requiredInputs: { isSubtle: false, weight: 'default', suffix: ' *' },
      optionalInputs: { isSubtle: false, weight: 'default' },
      inputSpacing: 'small',
    },
  },
  actions: {
    maxActions: 6,
    actionsOrientation: 'horizontal',
    actionAlignment: 'left',
    buttonSpacing: 8,
    spacing: 'default',
  },
};

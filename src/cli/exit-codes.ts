/** Exit codes of all commands. 0: fine. */

/** The command did its work, and what it looked at is not fine. */
export const EXIT_FINDING = 1;
/** Usage, configuration or input/output is wrong; nothing was done. */
export const EXIT_UNUSABLE = 2;

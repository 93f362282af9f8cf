/** Exit codes of all commands. 0: fine. */

/** Usage, configuration or input/output is wrong; nothing was done. */
export const EXIT_UNUSABLE = 2;

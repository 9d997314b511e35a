/** Text of strangers in replies: what a terminal prints and a header carries without harm. */

/** Text that terminals print as it stands: no control characters, line breaks or changes of writing direction. */
export function readable(text: string): string {
  return text.toWellFormed().replaceAll(/[\p{Cc}\u2028-\u202e\u2066-\u2069\u200e\u200f\ufeff]+/gu, ' ');
}

/** Text inside a quoted string of a header: printable ASCII without quotes and backslashes. */
export function quotable(text: string): string {
  return text
    .replaceAll('"', "'")
    .replaceAll('\\', '/')
    .replaceAll(/[^ -~]+/g, ' ');
}

// Small rules of writing.

/** The console's lower-case message as a sentence; a message that begins with a name keeps it as it is. */
export function sentence(message: string): string {
  return /^[a-z]+[\s,:.]/.test(message) ? message.charAt(0).toUpperCase() + message.slice(1) : message;
}

// Signing in by a passkey: from what the browser suggests for the address field, and by a button.

import { call } from "./api.js";
import { element, onSubmit, say } from "./page.js";
import { showPasskey, suggestsPasskeys, takesPasskeys } from "./passkey.js";

// The service takes an answer for five minutes: a suggestion asks anew before that.
const RENEWED = 4 * 60 * 1000;

let waiting = null;
let done = null;

// Offers it, and calls `then` once there is a session.
export async function offerPasskeys(then) {
  const isFirst = done === null;
  done = then;
  if (!isFirst || !takesPasskeys()) return;
  const form = element("passkey-form");
  form.hidden = false;
  onSubmit(form, async () => {
    waiting?.abort();
    try {
      await signIn(await showPasskey());
    } finally {
      suggest(form);
    }
  });
  await suggest(form);
}

// Waits for a passkey that is chosen from the suggestions of the address field.
async function suggest(form) {
  if (!(await suggestsPasskeys())) return;
  const mine = (waiting = new AbortController());
  const renewal = setTimeout(() => mine.abort("renewed"), RENEWED);
  try {
    await signIn(await showPasskey({ mediation: "conditional", signal: mine.signal }));
  } catch (refusal) {
    if (refusal.code === "passkeys_unavailable") form.hidden = true;
    // Refused by the service: whoever chose the passkey is told.
    else if (refusal.status && waiting === mine) say(form, refusal.message);
  } finally {
    clearTimeout(renewal);
  }
  if (mine.signal.reason === "renewed") suggest(form);
}

async function signIn(credential) {
  await call("POST", "/v1/sessions/passkey", { credential, cookie: true });
  await done();
}

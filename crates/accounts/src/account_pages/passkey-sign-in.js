// Sign-in with a passkey: from the browser's suggestions for the address field, and with a button.

import { call } from "./api.js";
import { element, onSubmit, say } from "./page.js";
import { showPasskey, suggestsPasskeys, takesPasskeys } from "./passkey.js";

// The service accepts a response for five minutes; a suggestion requests new options before that.
const RENEWED = 4 * 60 * 1000;

let waiting = null;
let done = null;

// Offers passkeys, and calls `then` after the sign-in.
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

// Waits until the person chooses a passkey from the suggestions of the address field.
async function suggest(form) {
  if (!(await suggestsPasskeys())) return;
  const mine = (waiting = new AbortController());
  const renewal = setTimeout(() => mine.abort("renewed"), RENEWED);
  try {
    await signIn(await showPasskey({ mediation: "conditional", signal: mine.signal }));
  } catch (refusal) {
    if (refusal.code === "passkeys_unavailable") form.hidden = true;
    // The service refused the passkey: show the reason.
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

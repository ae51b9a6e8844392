// The form that signs in with a cookie: e-mail address, password, and the account's second factor.

import { call } from "./api.js";
import { element, onSubmit, say } from "./page.js";
import { asked } from "./second-factor.js";

// Calls `done` after the sign-in. Errors of `done` are shown in the form too.
export function signInForm(done) {
  const form = element("sign-in-form");
  onSubmit(form, async () => {
    const body = { email: form.elements.email.value, password: form.elements.password.value, cookie: true };
    const code = form.elements.code.value.trim();
    if (code) body.code = code;
    try {
      await call("POST", "/v1/sessions", body);
    } catch (refusal) {
      if (refusal.code === "second_factor_required") return askForSecondFactor(form, asked(refusal));
      const wrong = form.elements[element("code-field").hidden ? "password" : "code"];
      wrong.value = "";
      wrong.focus();
      throw refusal;
    }
    await done();
  });
}

// The password was correct and stays in the form, so that it need not be typed twice. A passkey needs no password.
function askForSecondFactor(form, { code, passkey, sentence }) {
  element("code-field").hidden = !code;
  form.elements.code.required = code;
  say(form, sentence, true);
  if (code && !passkey) form.elements.code.focus();
  if (passkey) element("passkey-form").querySelector("button").focus();
}

// Returns the signed-in account, or null.
export async function whoIsSignedIn() {
  try {
    return await call("GET", "/v1/me");
  } catch (refusal) {
    if (refusal.status === 401) return null;
    throw refusal;
  }
}

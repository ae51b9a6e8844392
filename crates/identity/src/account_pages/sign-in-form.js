// The form that signs in by a cookie: e-mail address and password, and a code where the account has a second factor.

import { call } from "./api.js";
import { element, onSubmit, say } from "./page.js";

// `done` is called once there is a session. Its refusals are shown at the form too.
export function signInForm(done) {
  const form = element("sign-in-form");
  onSubmit(form, async () => {
    const body = { email: form.elements.email.value, password: form.elements.password.value, cookie: true };
    const code = form.elements.code.value.trim();
    if (code) body.code = code;
    try {
      await call("POST", "/v1/sessions", body);
    } catch (refusal) {
      if (refusal.code === "second_factor_required") return askForCode(form);
      const wrong = form.elements[element("code-field").hidden ? "password" : "code"];
      wrong.value = "";
      wrong.focus();
      throw refusal;
    }
    await done();
  });
}

// The password was right: it stays, so that nobody types it twice.
function askForCode(form) {
  element("code-field").hidden = false;
  form.elements.code.required = true;
  form.elements.code.focus();
  say(form, "Enter the code of your authenticator, or one of your recovery codes.", true);
}

// Who is signed in; null when nobody is.
export async function whoIsSignedIn() {
  try {
    return await call("GET", "/v1/me");
  } catch (refusal) {
    if (refusal.status === 401) return null;
    throw refusal;
  }
}

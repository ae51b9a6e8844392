// Sensitive operations require a recent sign-in. Asks the person to re-authenticate, then repeats the operation.

import { Refusal, call } from "./api.js";
import { element, onSubmit, say } from "./page.js";
import { showPasskey, takesPasskeys } from "./passkey.js";
import { asked } from "./second-factor.js";

const dialog = element("step-up");
const form = element("step-up-form");
const passkeyForm = element("step-up-passkey");

// Runs `work`, after re-authentication if the service requires it.
export async function provingWho(work) {
  try {
    return await work();
  } catch (refusal) {
    if (refusal.code !== "step_up_required") throw refusal;
  }
  await prove();
  return work();
}

// Opens the dialog, and returns after the person has re-authenticated.
async function prove() {
  const { passkeys } = await call("GET", "/v1/me/second-factors");
  form.reset();
  say(form, "");
  element("code-field").hidden = true;
  passkeyForm.hidden = passkeys === 0 || !takesPasskeys();
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve, reject) => {
    const end = () => (dialog.returnValue === "proved" ? resolve() : reject(new Refusal("Nothing was changed.", null)));
    dialog.addEventListener("close", end, { once: true });
  });
}

onSubmit(form, async () => {
  const body = { password: form.elements.password.value };
  const code = form.elements.code.value.trim();
  if (code) body.code = code;
  try {
    await call("POST", "/v1/sessions/current/step-up", body);
  } catch (refusal) {
    if (refusal.code !== "second_factor_required") throw refusal;
    const { code: takesCode, sentence } = asked(refusal);
    element("code-field").hidden = !takesCode;
    form.elements.code.required = takesCode;
    return say(form, sentence, true);
  }
  dialog.close("proved");
});

onSubmit(passkeyForm, async () => {
  await call("POST", "/v1/sessions/current/step-up", { passkey: await showPasskey() });
  dialog.close("proved");
});

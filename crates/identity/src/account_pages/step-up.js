// What is sensitive takes a proof that is minutes old: the person is asked for it, and then the work goes on.

import { Refusal, call } from "./api.js";
import { element, onSubmit, say } from "./page.js";
import { showPasskey, takesPasskeys } from "./passkey.js";
import { asked } from "./second-factor.js";

const dialog = element("step-up");
const form = element("step-up-form");
const passkeyForm = element("step-up-passkey");

// Does `work`, after a proof where the service asks for one.
export async function provingWho(work) {
  try {
    return await work();
  } catch (refusal) {
    if (refusal.code !== "step_up_required") throw refusal;
  }
  await prove();
  return work();
}

// Opens the dialog; comes back once the proof was taken.
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

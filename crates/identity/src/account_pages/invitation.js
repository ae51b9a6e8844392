// Accepts an invitation: as who is signed in, after signing in, or with a new account.

import { call } from "./api.js";
import { element, onSubmit, show, takeToken } from "./page.js";
import { signInForm, whoIsSignedIn } from "./sign-in-form.js";
import { showStrength } from "./strength.js";

const token = takeToken();
const form = element("password-form");

const accept = async () => {
  const joined = await call("POST", "/v1/invitations/acceptance", { token }).catch((refusal) => {
    // The session is too old to join with: the person signs in again.
    if (refusal.code !== "step_up_required") throw refusal;
    show("sign-in");
  });
  if (!joined) return;
  const { organization_id, name } = joined;
  // This browser goes on there. Where it cannot, one has joined all the same.
  await call("PUT", "/v1/sessions/current/organization", { organization_id }).catch(() => null);
  element("joined").textContent = name;
  show("done");
};

onSubmit(element("accept-form"), accept);
signInForm(accept);
showStrength(form.elements.password);
onSubmit(form, async () => {
  await call("POST", "/v1/invitations/sign-up", { token, password: form.elements.password.value });
  show("made");
});
for (const button of document.querySelectorAll("[data-part]")) {
  button.addEventListener("click", () => show(button.dataset.part));
}
begin();

async function begin() {
  if (!token) return show("no-token");
  // Whoever cannot be told apart is asked to sign in.
  const me = await whoIsSignedIn().catch(() => null);
  if (!me) return show("choose");
  element("who").textContent = me.email ?? me.name;
  show("accept");
}

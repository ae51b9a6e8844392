// Accepts an invitation with the current session, after signing in, or with a new account.

import { call } from "./api.js";
import { clearForms, fillUsername, followLink, onSubmitOfLink } from "./mailed-link.js";
import { element, say, show } from "./page.js";
import { offerPasskeys } from "./passkey-sign-in.js";
import { signInForm, whoIsSignedIn } from "./sign-in-form.js";
import { showStrength } from "./strength.js";

const form = element("password-form");
let token = null;
let link = {};

const accept = async () => {
  let joined;
  try {
    joined = await call("POST", "/v1/invitations/acceptance", { token });
  } catch (refusal) {
    if (refusal.code === "invalid_token") return show("spent");
    // The session is too old to join an organization: the person must sign in again.
    if (refusal.code !== "step_up_required") throw refusal;
    show("sign-in");
    return say(element("sign-in-form"), "Sign in again to accept the invitation. Your last sign-in was too long ago.", true);
  }
  const { organization_id, name } = joined;
  // Switches this session to the organization. If that fails, the person has joined anyway.
  await call("PUT", "/v1/sessions/current/organization", { organization_id }).catch(() => null);
  element("joined").textContent = name;
  show("done");
};

onSubmitOfLink(element("accept-form"), () => token, accept);
signInForm(accept);
showStrength(form.elements.password, () => ({ known: [link.email, link.organization] }));
onSubmitOfLink(form, () => token, async () => {
  await call("POST", "/v1/invitations/sign-up", { token, password: form.elements.password.value });
  show("made");
});
for (const button of document.querySelectorAll("[data-part]")) {
  button.addEventListener("click", () => {
    show(button.dataset.part);
    if (button.dataset.part === "sign-in") offerPasskeys(accept);
  });
}
followLink(async (given, found) => {
  [token, link] = [given, found];
  clearForms();
  fillUsername(link);
  element("email").value = link.email ?? "";
  for (const place of document.querySelectorAll(".organization")) place.textContent = link.organization ?? "an organization";
  // If the session cannot be checked, ask the person to sign in.
  const me = await whoIsSignedIn().catch(() => null);
  if (!me) return show("choose");
  element("who").textContent = me.email ?? me.name;
  show("accept");
});

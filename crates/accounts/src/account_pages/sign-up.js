// Requests an account. The response is the same whether or not the address has one; the e-mail tells.

import { call } from "./api.js";
import { element, onSubmit, show } from "./page.js";
import { showStrength } from "./strength.js";

const form = element("sign-up-form");

showStrength(form.elements.password, () => ({
  known: [form.elements.email.value, form.elements.organization_name?.value ?? ""],
}));
onSubmit(form, async () => {
  const { email, password, organization_name: organization } = form.elements;
  const body = { email: email.value, password: password.value };
  // An app with a single tenant does not ask for it.
  if (organization?.value.trim()) body.organization_name = organization.value.trim();
  await call("POST", "/v1/sign-ups", body);
  element("address").textContent = email.value;
  show("done");
});
show("ask");

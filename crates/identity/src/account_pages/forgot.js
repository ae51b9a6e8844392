// Asks for a mail with which to set a new password. The answer is the same whether there is such an account or not.

import { call } from "./api.js";
import { element, onSubmit, show } from "./page.js";

const form = element("address-form");

onSubmit(form, async () => {
  await call("POST", "/v1/password-resets", { email: form.elements.email.value });
  element("address").textContent = form.elements.email.value;
  show("done");
});
show("ask");

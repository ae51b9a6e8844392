// The last step of a sign-up. It requires the token from the e-mail and the password of the sign-up, so that the mailbox
// alone cannot finish a sign-up that someone else started.

import { call } from "./api.js";
import { clearForms, fillUsername, followLink, onSubmitOfLink } from "./mailed-link.js";
import { element, show } from "./page.js";

const form = element("password-form");
let token = null;

const confirm = async () => {
  await call("POST", "/v1/sign-ups/confirmation", { token, password: form.elements.password.value });
  show("done");
};

onSubmitOfLink(form, () => token, confirm, "This is not the password you chose when you signed up.");
followLink((given, link) => {
  token = given;
  clearForms();
  fillUsername(link);
  show("choose");
});

use mainstay::prelude::*;

#[derive(Entity)]
#[entity(table = "notes", resource = "note")]
struct NoteRow {
    id: Id<NoteRow>,
    #[entity(blind_index = "email_index")]
    email: Sealed<EmailAddress>,
    born: Sealed<Date>,
}

fn either(email: Sealed<EmailAddress>) -> Filter<NoteRow> {
    Filter::all().any_of(|any| any.matches(NoteRow::EMAIL, Some(email)))
}

fn beginning(text: String) -> Filter<NoteRow> {
    Filter::all().starts_with(NoteRow::EMAIL, Some(text))
}

fn eldest_first() -> Order<NoteRow> {
    Order::by(NoteRow::BORN, Direction::Ascending)
}

fn main() {}

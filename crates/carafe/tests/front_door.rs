//! The attributes and the functions, reached the way a program reaches them.

/// Neither attribute needs to be told where carafe is.
#[carafe::test]
async fn the_attributes_find_the_crate() -> Result<(), carafe::NurseryError<std::io::Error>> {
    let name = carafe::Handle::current().name();
    carafe::nursery(async |n| {
        n.spawn(async move {
            assert_eq!(carafe::to_thread(|| carafe::Handle::current().name()).await, name);
            Ok(())
        });
        Ok(())
    })
    .await
}

/// What a user's function takes when it is written against the contract.
fn name_of<R: carafe::rt::Runtime>(rt: &R) -> &'static str {
    rt.name()
}

#[carafe::test]
async fn the_contract_is_behind_the_front_door() {
    let handle = carafe::Handle::current();
    assert_eq!(name_of(&handle), handle.name());
    assert!(carafe::Backend::compiled().contains(&handle.name()));
}

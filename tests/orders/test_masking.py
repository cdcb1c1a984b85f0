"""What of Zhang San's data may be shown."""

import pytest

from orders.masking import mask_account, mask_email, mask_name, mask_phone


@pytest.mark.parametrize(
    ("account", "shown"),
    [
        ("13800001234", "138****1234"),
        ("UID123456789", "UI****89"),
        ("1000110000000000001", "10****01"),
        ("zhang@example.com", "z****@example.com"),
        ("12345", "1****"),
        ("七", "七****"),
        ("", ""),
    ],
)
def test_an_account(account: str, shown: str):
    assert mask_account(account) == shown


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("13800001234", "138****1234"),
        ("+86 138-0000-1234", "138****1234"),
        ("010 8888 6666", "010****6666"),
        ("", ""),
    ],
)
def test_a_phone_number_however_it_is_written(phone: str, shown: str):
    assert mask_phone(phone) == shown


def test_a_name_and_an_address():
    assert (mask_name("张三"), mask_name("欧阳建国"), mask_name("")) == ("张*", "欧*", "")
    assert mask_email("zhangsan@example.com") == "z****@example.com"
    assert (mask_email("nonsense"), mask_email("")) == ("n****", "")


@pytest.mark.parametrize("secret", ["13800001234", "zhang@example.com", "UID123456789", "12345"])
def test_the_middle_never_shows(secret: str):
    assert secret[3:-4] not in mask_account(secret) or len(secret) < 8

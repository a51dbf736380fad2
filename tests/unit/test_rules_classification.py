"""The detail: forms are read or refused, every answer has its codes or none, two words become one, labels fit."""

from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.errors import InvalidReportError, NotAllowedError
from triage.rules import detail_words
from triage.rules.assessing import ILLEGAL_LABELS, REASON_KEYS, Label, ReasonCode
from triage.rules.classification import (
    CHOICES,
    FIELDS,
    SITE_FIELDS,
    AgeBand,
    Commerciality,
    Detail,
    Maturity,
    Origin,
    Payment,
    Recording,
    Severity,
    Sex,
    SiteType,
    VictimKnown,
    Word,
    is_said,
    merge_details,
    read_detail,
    settle_detail,
)
from triage.rules.classification_tables import (
    CODES,
    NO_VOCABULARY,
    Vocabulary,
    describe_detail,
    find_iccam,
    find_xarf,
    list_answers,
)
from triage.rules.detail_words import write_detail_lines
from triage.rules.jurisdiction import check_detail

HERE, ELSEWHERE = uuid4(), uuid4()
LANGUAGES = st.lists(st.from_regex(r"[a-z]{2,3}", fullmatch=True), max_size=8, unique=True)
DETAILS = st.builds(
    Detail,
    **{name: st.sampled_from(list(choices)) for name, choices in CHOICES.items() if name != "payment"},
    payment=st.sets(st.sampled_from(list(Payment))).map(lambda found: tuple(sorted(found))),
    language_clues=LANGUAGES.map(lambda found: tuple(sorted(found))),
)
HOSTILE = [
    {"detail_severity_abc": "D"},
    {"detail_severity_abc": "a"},
    {"detail_sex": "female'; DROP TABLE classifications; --"},
    {"detail_payment": "visa,visa,<script>"},
    {"detail_payment": "visa,,"},
    {"detail_age_band_youngest": "0-2\x00"},
    {"detail_language_clues": "sq, englisht"},
    {"detail_language_clues": "<b>"},
    {"detail_language_clues": ",".join(f"a{letter}" for letter in "abcdefghi")},
    {"detail_language_clues": "şq"},
    {"detail_site_type": "website,forum"},
]


def write_detail(detail):
    """The form that says just this; what is open is said to be open."""
    values = ((name, getattr(detail, name)) for name in FIELDS)
    return {
        "detail_" + name: ",".join(value) if isinstance(value, tuple) else value for name, value in values
    }


@given(DETAILS)
def test_what_is_written_into_a_form_is_read_from_it(detail):
    assert read_detail(write_detail(detail)) == detail


@pytest.mark.parametrize("form", HOSTILE, ids=str)
def test_a_form_that_says_something_else_is_refused_whole(form):
    with pytest.raises(InvalidReportError):
        read_detail({"detail_sex": "female", **form})


@given(st.dictionaries(st.sampled_from(["detail_" + name for name in FIELDS]), st.text(max_size=20)))
def test_any_form_is_read_or_refused_in_words(form):
    try:
        found = read_detail(form)
    except InvalidReportError:
        return
    assert found is None or read_detail(write_detail(found)) == found


def test_nothing_chosen_is_no_detail_and_one_answer_is_one():
    assert read_detail({}) is None
    assert read_detail({"detail_sex": "", "detail_payment": " ", "other": "x"}) is None
    assert read_detail({"detail_sex": "undetermined"}) == Detail()
    assert read_detail({"detail_language_clues": " EN;sq sq "}).language_clues == ("en", "sq")


def test_every_answer_stands_in_the_table_with_its_codes_or_without():
    assert set(CODES) == set(list_answers())
    nameless = {answer for answer, codes in CODES.items() if codes.iccam is None}
    assert nameless == {
        *(("severity_abc", one) for one in Severity),
        ("age_band_youngest", "11-13"),
        *(("origin", one) for one in ("manipulated_real", "undetermined")),
        *(("recording", one) for one in ("contact_unknown", "livestream_capture", "unknown")),
        *(("victim_known", one) for one in VictimKnown),
        ("site_type", "unknown"),
    }
    for (name, value), codes in CODES.items():
        assert codes.xarf in (None, "A", "B", "1", "2")
        if name in ("severity_abc", "age_band_youngest") and is_said(value):
            assert codes.iwf == value


@given(DETAILS)
def test_iccam_gets_one_id_a_field_and_one_for_each_payment(detail):
    found = find_iccam(detail)
    assert found["genderCategorization"] in (1, 2, 3, 4)
    assert found["sourceUrlCommerciality"] in (1, 2, 3)
    assert len(found["sourceUrlPaymentMethods"]) == max(1, len(detail.payment))
    if is_said(detail.maturity):
        assert found["ageCategorization"] == CODES["maturity", detail.maturity].iccam[1]
    if detail.origin in (Origin.UNDETERMINED, Origin.MANIPULATED_REAL):
        assert "virtualContentCategorization" not in found


def test_years_stand_for_a_stage_where_the_stage_is_open():
    assert find_iccam(Detail(age_band_youngest=AgeBand.FROM_3))["ageCategorization"] == 3
    assert find_iccam(Detail(age_band_youngest=AgeBand.FROM_11))["ageCategorization"] == 1
    both = Detail(age_band_youngest=AgeBand.FROM_11, maturity=Maturity.PUBESCENT)
    assert find_iccam(both)["ageCategorization"] == 4
    assert find_iccam(Detail()) == {
        "ageCategorization": 1,
        "genderCategorization": 1,
        "sourceUrlCommerciality": 1,
        "sourceUrlPaymentMethods": [1],
    }


@given(st.lists(DETAILS, max_size=4))
def test_xarf_has_a_class_only_where_age_and_severity_both_speak_of_a_photograph(details):
    code = find_xarf(details)
    speaking = [
        one
        for one in details
        if is_said(one.severity_abc)
        and (is_said(one.maturity) or one.age_band_youngest not in ("11-13", "unknown"))
        and one.origin in ("real", "undetermined")
    ]
    assert (code is None) == (not speaking)
    assert code in (None, "A1", "A2", "B1", "B2")


def test_xarf_takes_the_gravest_class_of_several():
    grave = Detail(severity_abc=Severity.C, maturity=Maturity.PREPUBESCENT)
    older = Detail(severity_abc=Severity.A, age_band_youngest=AgeBand.FROM_16)
    assert [find_xarf([one]) for one in (grave, older)] == ["A2", "B1"]
    assert find_xarf([older, grave]) == "A2"
    assert find_xarf([replace(grave, origin=Origin.AI_GENERATED)]) is None


def test_a_described_record_says_what_it_was_not_asked_and_its_codes():
    detail = Detail(sex=Sex.FEMALE, payment=(Payment.BITCOIN,), commerciality=Commerciality.COMMERCIAL)
    described = describe_detail(
        detail, verdict="baseline", media="picture", is_urgent=True, vocabulary=NO_VOCABULARY
    )
    assert described["media"] == "picture"
    assert described["urgent_ongoing_risk"] is True
    assert described["iccam"]["classification"] == 1
    assert described["iccam"]["sourceUrlPaymentMethods"] == [13]
    assert "ucs" not in described
    ucs = Vocabulary(
        "test", {("sex", "female"): "X-1", ("payment", "bitcoin"): "X-2", ("sex", "male"): "X-3"}
    )
    described = describe_detail(detail, verdict=None, media=None, is_urgent=False, vocabulary=ucs)
    assert described["ucs"] == {"version": "test", "codes": ["X-1", "X-2"]}
    assert "classification" not in described["iccam"]


# Two words


@given(DETAILS, DETAILS)
def test_the_second_wins_where_it_says_anything_and_what_belongs_together_comes_from_one(first, second):
    both = merge_details(first, second)
    for name in FIELDS:
        assert getattr(both, name) in (getattr(first, name), getattr(second, name))
        if is_said(getattr(second, name)):
            assert getattr(both, name) == getattr(second, name)
    for group in (("age_band_youngest", "maturity"), ("commerciality", "payment")):
        taken = tuple(getattr(both, name) for name in group)
        assert taken in [tuple(getattr(one, name) for name in group) for one in (first, second)]


@given(DETAILS, DETAILS)
def test_what_was_said_with_another_label_does_not_count(first, second):
    words = [Word(first, HERE, 2), Word(second, HERE, 1)]
    assert settle_detail(words, 1, HERE) == merge_details(Detail(), second)
    assert settle_detail(words[:1], 1, HERE) is None


@given(DETAILS, DETAILS, DETAILS)
def test_what_is_said_later_stands_as_a_whole(first, second, later):
    words = [Word(first, HERE, 1), Word(second, HERE, 1), Word(later, HERE, None)]
    assert settle_detail(words, 1, HERE) == later


@given(DETAILS, DETAILS)
def test_what_was_said_of_one_site_is_not_told_of_another(first, later):
    words = [Word(first, ELSEWHERE, 1), Word(later, ELSEWHERE, None)]
    settled = settle_detail(words, 1, HERE)
    assert settled.sex == later.sex
    assert all(not is_said(getattr(settled, name)) for name in SITE_FIELDS)
    mixed = settle_detail([Word(first, HERE, 1), Word(later, ELSEWHERE, None)], 1, HERE)
    assert (mixed.site_type, mixed.payment) == (first.site_type, first.payment)


# Labels


BASELINE_ALREADY = Detail(
    severity_abc=Severity.B,
    age_band_youngest=AgeBand.FROM_7,
    maturity=Maturity.PREPUBESCENT,
    sex=Sex.FEMALE,
    origin=Origin.REAL,
    recording=Recording.UNKNOWN,
    site_type=SiteType.FORUM,
)


@pytest.mark.parametrize("label", sorted(set(Label) - ILLEGAL_LABELS))
def test_a_label_that_is_not_illegal_takes_no_detail(label):
    with pytest.raises(NotAllowedError, match="goes with an illegal label"):
        check_detail(label, Detail())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"origin": Origin.DRAWN}, "real children"),
        ({"origin": Origin.AI_GENERATED}, "real children"),
        ({"origin": Origin.COMPUTER_GENERATED}, "real children"),
        ({"origin": Origin.MANIPULATED_REAL}, "real children"),
        ({"age_band_youngest": AgeBand.FROM_14}, "under 13"),
        ({"age_band_youngest": AgeBand.FROM_16, "maturity": Maturity.UNKNOWN}, "under 13"),
        ({"maturity": Maturity.PUBESCENT}, "under 13"),
    ],
)
def test_baseline_needs_real_children_who_appear_under_thirteen(changes, sentence):
    detail = replace(BASELINE_ALREADY, **changes)
    with pytest.raises(NotAllowedError, match=sentence):
        check_detail(Label.BASELINE, detail)


@pytest.mark.parametrize(
    "changes",
    [
        {"maturity": Maturity.INFANT},
        {"age_band_youngest": AgeBand.FROM_0, "maturity": Maturity.PUBESCENT},
        {"age_band_youngest": AgeBand.FROM_16},
        {"payment": (Payment.NONE, Payment.VISA)},
        {"payment": (Payment.VISA,), "commerciality": Commerciality.NON_COMMERCIAL},
    ],
    ids=str,
)
def test_answers_that_cannot_both_be_true_are_refused(changes):
    with pytest.raises(NotAllowedError):
        check_detail(Label.NATIONAL, replace(BASELINE_ALREADY, **changes))


@given(DETAILS)
def test_what_fits_baseline_fits_the_national_law(detail):
    try:
        check_detail(Label.BASELINE, detail)
    except NotAllowedError:
        return
    check_detail(Label.NATIONAL, detail)


def test_what_is_open_never_contradicts():
    for label in ILLEGAL_LABELS:
        check_detail(label, Detail())
        check_detail(label, replace(BASELINE_ALREADY, age_band_youngest=AgeBand.FROM_11))
        check_detail(label, replace(BASELINE_ALREADY, severity_abc=Severity.C))


def test_every_reason_has_its_key():
    assert set(REASON_KEYS.values()) == set(ReasonCode)
    assert "".join(REASON_KEYS) == "QWERT"


# Words


@given(DETAILS, st.sampled_from([("sq", "en"), ("en",), ("sq",)]))
def test_every_answer_has_words_and_what_is_open_has_none(detail, languages):
    lines = write_detail_lines(detail, languages)
    assert len(lines) == sum(is_said(getattr(detail, name)) for name in FIELDS)
    assert all("_" not in line and "\n" not in line for line in lines)


def test_no_word_is_left_over():
    answers = {value for _, value in list_answers()}
    assert set(detail_words._ANSWERS) < answers
    assert set(detail_words._NAMES) == set(FIELDS)

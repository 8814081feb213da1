# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Korean texts as they stand on signs: invented words, words that every street has, floors, prices and plates."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable

import numpy as np

from ._chance import below, one_of, pick


__all__ = ["HangulTexts", "has_hangul"]

# Syllables from the most frequent one downwards, as running text and shop names have them, roughly.
_FREQUENT = """
이다의는에을지가고하한기사로리도인서어자시대를나부은아정수그해상전일여제주스국보라구있동장과성원조소비안경공우선미산
중방신유학생화오문만들관무위식세면교용마당연발점물실업음거진내회민간영건양금모남강법행년출더설려반르트노저네개단체치
호타입적통종명석야천청래파매피병약카페커집밥맛본운포버티드디터플레코프크즈니메토바루베브김박최윤임백홍황재현준희철숙
순옥송심권배류허달별꽃빛봄늘길역층번맥킨빵떡갈곱창돼삼겹살족쌈초찜탕냉온분차찻옷울북충광평택목월요후좌측계승엘력퀵탁
린닝헤샵뷰뱅농협새투증험률외독태악술등찰절습볼링골헬필테질욕텔펜션게씨책완컴퓨폰침판쇄샷열쇠채육슈퍼켓편할쇼핑몰렛렉
액또왜뭐좀꼭잘못없았었였겠까죠군데께끼끝낮낫낳넓넣높놓눈느님닭담답덕던덩델돈돌
"""

_SIGN_WORDS = """
약국 병원 의원 치과 한의원 안과 내과 외과 피부과 동물병원 식당 분식 김밥 떡볶이 국밥 냉면 갈비 삼겹살 족발 보쌈 치킨
피자 빵집 제과점 카페 커피 전문점 노래방 노래연습장 피씨방 당구장 부동산 공인중개사 미용실 헤어 이용원 네일 세탁소
크리닝 슈퍼 마트 편의점 할인점 백화점 시장 상회 상가 빌딩 은행 농협 우체국 파출소 경찰서 소방서 구청 시청 주민센터
도서관 박물관 미술관 극장 공원 주차장 주차 금지 주차금지 화장실 출구 입구 비상구 계단 승강기 정류장 지하철 버스 택시
역 공항 터미널 매표소 안내 안내소 관광 호텔 모텔 여관 민박 펜션 사우나 목욕탕 찜질방 헬스 학원 영어 수학 피아노 태권도
어린이집 유치원 초등학교 중학교 고등학교 대학교 교회 성당 문구 서점 책방 완구 안경 시계 귀금속 사진관 꽃집 화원 가구
침대 조명 인테리어 간판 인쇄 광고 철물 공구 페인트 유리 열쇠 도장 복사 컴퓨터 핸드폰 휴대폰 전자 의류 패션 신발 가방
화장품 속옷 한복 양복 수선 정육점 수산 횟집 과일 야채 건강 식품 호프 맥주 소주 막걸리 포차 주점 술집 곱창 순대 해장국
설렁탕 삼계탕 칼국수 짜장면 짬뽕 초밥 돈까스 우동 만두 도시락 반찬 떡집 방앗간 서울 부산 대구 인천 광주 대전 울산 경기
강원 충북 충남 전북 전남 경북 경남 제주 강남 종로 명동 홍대 신촌 이태원 잠실 영업중 준비중 휴무 연중무휴 배달 포장
예약 환영 세일 할인 특가 무료 신규 오픈 개업 임대 매매 전세 월세 분양 상담 문의 전화 대표 본점 지점 직영점 원조 할머니
엄마손 고향 우리 한국 대한 현대 삼성 제일 위험 주의 경고 금연 출입금지 접근금지 일방통행 진입금지 어린이보호구역
천천히 서행 정지 우회전 좌회전 유턴 공사중 미세요 당기세요 여자 남자 노약자
"""

_ENDINGS = (
    "집",
    "점",
    "원",
    "실",
    "장",
    "관",
    "방",
    "국",
    "당",
    "사",
    "소",
    "회",
    "네",
    "마을",
    "식당",
    "상회",
    "카페",
)
_LATIN = ("LG", "SK", "KT", "GS", "CU", "KB", "S", "A", "B", "K", "TV", "PC", "VIP", "24", "365", "1", "2", "3")

# {w}: a Korean word, {s}: a syllable, {l}: Latin letters, {d}: a digit but 0, {n}: a small number, {m}: an amount,
# {M}: a month, {D}: a day.
_MIXED = (
    (0.12, "{n}층"), (0.06, "지하{d}층"), (0.06, "B{d}층"), (0.08, "{n}호"), (0.08, "{M}번출구"), (0.1, "{m}원"),
    (0.05, "{n}시간"), (0.04, "{n}년"), (0.04, "{d}0%할인"), (0.04, "제{n}관"), (0.04, "{w}{n}"), (0.09, "{l}{w}"),
    (0.05, "{w}{l}"), (0.03, "{M}월{D}일"), (0.05, "{n}{s}{d}{d}{d}{d}"), (0.03, "({s}){w}"), (0.02, "{w}!"),
    (0.03, "{w}&{w}"), (0.02, "{n}호점"),
)  # fmt: skip


def has_hangul(text: str) -> bool:
    """Whether a syllable of Hangul is in `text`."""
    return any("가" <= character <= "힣" for character in text)


class HangulTexts:
    """Draws Korean texts out of the given syllables.

    Args:
        syllables: those that may come up.
    """

    def __init__(self, syllables: Iterable[str]):
        self._all = list(syllables)
        known = set(self._all)
        self._frequent = [s for s in dict.fromkeys("".join(_FREQUENT.split())) if s in known] or self._all
        bounds = np.cumsum(1 / (np.arange(len(self._frequent)) + 8.0) ** 0.8)
        self._bounds = [*(bounds[:-1] / bounds[-1]).tolist(), 1.0]
        self._signs = [word for word in _SIGN_WORDS.split() if known.issuperset(word)]

    def word(self, rng: np.random.Generator) -> str:
        """An invented word of one to six syllables, most often two or three."""
        length = one_of(rng, ((0.08, 1), (0.36, 2), (0.34, 3), (0.14, 4), (0.05, 5))) or 6
        ending = pick(rng, _ENDINGS) if length > 1 and rng.random() < 0.3 else ""
        return "".join(self._syllable(rng) for _ in range(max(1, length - len(ending)))) + ending

    def sign(self, rng: np.random.Generator) -> str:
        """A word that every street has, or a shop's name in front of what it is."""
        if not self._signs:
            return self.word(rng)
        word = pick(rng, self._signs)
        if rng.random() < 0.15:
            return self._syllable(rng) + self._syllable(rng) + word
        return word

    def mixed(self, rng: np.random.Generator) -> str:
        """Hangul among digits, signs and Latin letters."""
        form = one_of(rng, _MIXED) or "{w}"
        fillers: dict[str, Callable[[], object]] = {
            "w": lambda: self.sign(rng),
            "n": lambda: 1 + int(min(998, rng.exponential(14))),
            "m": lambda: f"{(1 + below(rng, 60)) * 500:,}" if rng.random() < 0.8 else (1 + below(rng, 60)) * 500,
            "d": lambda: 1 + below(rng, 9),
            "M": lambda: 1 + below(rng, 12),
            "D": lambda: 1 + below(rng, 31),
            "s": lambda: self._syllable(rng),
            "l": lambda: pick(rng, _LATIN),
        }
        pieces = form.split("{")
        return pieces[0] + "".join(f"{fillers[piece[0]]()}{piece[2:]}" for piece in pieces[1:])

    def _syllable(self, rng: np.random.Generator) -> str:
        """Mostly a frequent one; one in four is any, or nobody would ever learn to read the rare ones."""
        if rng.random() < 0.25:
            return pick(rng, self._all)
        return self._frequent[bisect(self._bounds, rng.random())]

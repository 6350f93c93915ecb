"""Router of the map: which pages there are. Started by `feederplan app`; holds nothing else."""

import streamlit as st

from app_pages import PAGES
from app_pages.frame import framed

st.set_page_config(page_title="feederplan", layout="wide")
st.navigation(
    [
        st.Page(framed(page.show), title=page.title, url_path=page.url_path, default=number == 0)
        for number, page in enumerate(PAGES)
    ]
).run()

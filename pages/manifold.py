import streamlit as st
st.title("manifold")

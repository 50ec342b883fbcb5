import streamlit as st
st.title("interpolate")

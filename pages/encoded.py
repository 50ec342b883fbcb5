import streamlit as st
st.title("encoded")
